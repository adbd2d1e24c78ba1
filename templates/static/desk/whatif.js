// The chart of a simulation: who waits and what is open over time, drawn from the figures that stand in the page.
document.addEventListener("DOMContentLoaded", () => {
  const canvas = document.getElementById("what-if-chart");
  const figures = document.getElementById("what-if-figures");
  if (!canvas || !figures) return;
  const { hours, hours_label, lines } = JSON.parse(figures.textContent);
  const isDark = document.documentElement.classList.contains("dark");
  const ink = isDark ? "#9ca3af" : "#6b7280";
  const rule = isDark ? "#374151" : "#e5e7eb";
  const colours = ["#dc2626", "#2563eb"];
  new Chart(canvas, {
    type: "line",
    data: {
      datasets: lines.map(({ label, values }, place) => ({
        label,
        data: values.map((value, point) => ({ x: hours[point], y: value })),
        borderColor: colours[place],
        backgroundColor: colours[place],
        borderWidth: 1.5,
        pointRadius: 0,
        // Numbers of inquiries change in steps.
        stepped: true,
      })),
    },
    options: {
      animation: false,
      locale: document.documentElement.lang,
      maintainAspectRatio: false,
      interaction: { mode: "nearest", axis: "x", intersect: false },
      plugins: { legend: { labels: { color: ink } } },
      scales: {
        x: {
          type: "linear",
          min: 0,
          max: Math.ceil(hours.at(-1)),
          title: { display: true, text: hours_label, color: ink },
          ticks: { color: ink, maxRotation: 0, precision: 0 },
          grid: { display: false },
        },
        y: { min: 0, ticks: { color: ink, precision: 0 }, grid: { color: rule } },
      },
    },
  });
});
