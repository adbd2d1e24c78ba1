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

// A dialog shows only answers that went well: the page for a busy database takes the place of the whole page.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, target } = event.detail;
  if (xhr.status !== 503 || !target.closest("#modal-content, #dialog-form")) return;
  document.body.replaceWith(new DOMParser().parseFromString(xhr.responseText, "text/html").body);
});
