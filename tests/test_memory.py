import gc
import sys
from importlib import import_module
from types import ModuleType

import numpy as np
import pytest

from emirimg._memory import default_memory, loading, return_kept_memory


@pytest.mark.parametrize("was_on", [True, False])
def test_garbage_is_looked_for_again_after_loading(was_on):
    before = gc.isenabled()
    try:
        (gc.enable if was_on else gc.disable)()
        with pytest.raises(ModuleNotFoundError, match="of_no_name_False"), loading():
            import_module(f"of_no_name_{gc.isenabled()}")
        assert gc.isenabled() == was_on
    finally:
        (gc.enable if before else gc.disable)()


def test_what_was_loaded_is_not_searched_for_garbage(monkeypatch):
    frozen = gc.get_freeze_count()
    try:
        with loading():
            pass
        assert gc.get_freeze_count() == frozen
        with loading():
            monkeypatch.setitem(sys.modules, "a_new_one", ModuleType("a_new_one"))
        assert gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()


def test_memory_that_is_given_back_leaves_arrays_as_they_are():
    kept, freed = np.arange(1000), np.arange(1000)
    del freed
    return_kept_memory()
    np.testing.assert_array_equal(kept, np.arange(1000))
    assert default_memory() > 0
