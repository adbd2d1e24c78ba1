// The copy buttons: <button data-copy="id of what to copy" data-copied="what to say then">.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const shown = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(shown.textContent);
    button.textContent = button.dataset.copied;
  } catch {
    // Without HTTPS there is no clipboard: select it, so that Ctrl-C copies it.
    getSelection().selectAllChildren(shown);
  }
});
