// What pages gain when scripts run. Every page works without it.
(function () {
  'use strict';

  // Buttons with data-copy copy the text of the element they name.
  document.addEventListener('click', function (event) {
    var button = event.target.closest('[data-copy]');
    if (!button || !navigator.clipboard) return;
    var source = document.getElementById(button.getAttribute('data-copy'));
    if (!source) return;
    navigator.clipboard.writeText(source.textContent.trim()).then(function () {
      var word = button.querySelector('[data-copy-word]');
      if (!word) return;
      var before = word.textContent;
      word.textContent = 'Copied';
      button.setAttribute('data-copied', '');
      setTimeout(function () { word.textContent = before; button.removeAttribute('data-copied'); }, 2000);
    });
  });

  // A form is sent once: its button says that work is under way.
  document.addEventListener('submit', function (event) {
    var form = event.target;
    if (form.method !== 'post') return;
    if (form.hasAttribute('data-sent')) { event.preventDefault(); return; }
    form.setAttribute('data-sent', '');
    var button = event.submitter;
    if (button) button.setAttribute('aria-busy', 'true');
  });
  window.addEventListener('pageshow', function () {
    document.querySelectorAll('form[data-sent]').forEach(function (form) { form.removeAttribute('data-sent'); });
    document.querySelectorAll('button[aria-busy]').forEach(function (button) { button.removeAttribute('aria-busy'); });
  });
})();
