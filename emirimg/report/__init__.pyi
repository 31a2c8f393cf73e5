from .charts import (
    HISTORIES as HISTORIES,
    draw_counts as draw_counts,
    draw_history as draw_history,
    draw_noise as draw_noise,
    draw_offsets as draw_offsets,
    draw_residuals as draw_residuals,
)
from .comparison import Comparison as Comparison, compare_images as compare_images
from .comparison_page import comparison_page as comparison_page
from .comparison_views import (
    comparison_table as comparison_table,
    plot_comparison as plot_comparison,
)
from .files import REPORT_FILES as REPORT_FILES
from .injection import plot_recovery as plot_recovery
from .maps import (
    draw_coverage_map as draw_coverage_map,
    draw_object_map as draw_object_map,
    draw_sky_residual as draw_sky_residual,
)
from .numbers import (
    number_counts as number_counts,
    offsets_on_sky as offsets_on_sky,
    report_numbers as report_numbers,
    sky_residual_map as sky_residual_map,
)
from .page import report_page as report_page, write_report as write_report
from .plots import plot_mosaic as plot_mosaic, plot_noise_curve as plot_noise_curve
from .preflight import preflight_text as preflight_text
from .show import draw_image as draw_image, find_cuts as find_cuts, header_title as header_title
from .summary import (
    frame_table as frame_table,
    mosaic_table as mosaic_table,
    recovery_table as recovery_table,
    score_table as score_table,
    short_names as short_names,
    summary_tables as summary_tables,
    summary_text as summary_text,
)
