"use strict";
// The stretch of the mosaic is a window in its shades: CSS filters do it, these lines set them.
const layers = document.getElementById("layers");
const viewer = layers.parentElement;
const control = (id) => document.getElementById(id);
const { low, high, softening, sky, noise, width } = layers.dataset;

function value(shade) {
  const sigma = softening * Math.sinh(Number(low) + (high - low) * shade);
  const adu = Number(sky) + sigma * noise;
  return `${sigma.toFixed(1)} \u03c3, ${adu.toPrecision(3)} ADU`;
}

function stretch() {
  const black = control("black").value / 1000;
  const white = Math.max(control("white").value / 1000, black + 0.01);
  const contrast = 1 + 2 * black / (white - black);
  layers.style.setProperty("--contrast", contrast);
  layers.style.setProperty("--brightness", 1 / ((white - black) * contrast));
  layers.style.setProperty("--invert", control("invert").checked ? 1 : 0);
  control("black-value").textContent = value(black);
  control("white-value").textContent = value(white);
}

function zoom(event) {
  const x = (viewer.scrollLeft + viewer.clientWidth / 2) / viewer.scrollWidth;
  const y = (viewer.scrollTop + viewer.clientHeight / 2) / viewer.scrollHeight;
  const factor = Number(event.target.value);
  layers.style.setProperty("--width", factor ? `${factor * width}px` : "100%");
  document.getElementById("mosaic").classList.toggle("real", factor > 0);
  viewer.scrollTo(x * viewer.scrollWidth - viewer.clientWidth / 2,
                  y * viewer.scrollHeight - viewer.clientHeight / 2);
}

for (const id of ["black", "white", "invert"]) control(id).addEventListener("input", stretch);
for (const button of document.getElementsByName("zoom")) button.addEventListener("change", zoom);
control("coverage").addEventListener("input", (event) => {
  control("coverage-layer").style.opacity = event.target.value / 100;
});
if (control("outlines")) control("outlines").addEventListener("change", (event) => {
  control("outlines-layer").hidden = !event.target.checked;
});
stretch();
