// Commands to copy, where the browser can do it: over http only at localhost.

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  document.getElementById("said").textContent = "copied";
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = "Copy";
  }, 2_000);
}

if ("clipboard" in navigator) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      void copy(button);
    });
  }
}
