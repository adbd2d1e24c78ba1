// The chart of the quality page, drawn from the figures that stand in the page.
document.addEventListener("DOMContentLoaded", () => {
  const canvas = document.getElementById("quality-chart");
  const figures = document.getElementById("quality-figures");
  if (!canvas || !figures) return;
  const { labels, lines } = JSON.parse(figures.textContent);
  const isDark = document.documentElement.classList.contains("dark");
  const ink = isDark ? "#9ca3af" : "#6b7280";
  const rule = isDark ? "#374151" : "#e5e7eb";
  const colours = ["#2563eb", "#16a34a"];
  new Chart(canvas, {
    type: "line",
    data: {
      labels,
      datasets: lines.map(({ label, values }, place) => ({
        label,
        data: values,
        spanGaps: true,
        // All right is a point on the upper edge: it is drawn whole.
        clip: false,
        borderColor: colours[place],
        backgroundColor: colours[place],
        tension: 0.2,
      })),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      plugins: { legend: { labels: { color: ink } } },
      scales: {
        x: { ticks: { color: ink }, grid: { display: false } },
        y: { min: 0, max: 100, ticks: { color: ink, callback: (value) => `${value} %` }, grid: { color: rule } },
      },
    },
  });
});
