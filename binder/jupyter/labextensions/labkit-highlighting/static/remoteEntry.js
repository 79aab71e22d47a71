// A JupyterLab extension that needs no build: it colours a cell by the language of its magic, not by the kernel's.
//
// JupyterLab loads this file as a module-federation container and shares its own packages with it:
// https://jupyterlab.readthedocs.io/en/stable/extension/extension_dev.html
'use strict';

(() => {
  const SQL = 'text/x-pgsql';
  const SHELL = 'text/x-sh';
  // The kind of an answer, as the notebook's `metadata.lab` has it. Python needs no entry: it is the kernel's language.
  const KINDS = { sql: SQL, flyway: SQL, migrate: SQL, flyway_commands: SHELL, migrate_runbook: SHELL };

  function languageOf(text, lab) {
    const line = text.split('\n', 1)[0];
    if (/^%%(sql|plan)\b/.test(line)) return SQL;
    const name = (line.match(/^%%answer\s+(\S+)/) || [])[1];
    const answer = name && lab && (lab.answers || []).find(one => one.name === name);
    return answer ? KINDS[answer.kind] : undefined;
  }

  function watch(notebook, cell) {
    if (cell.type !== 'code') return;
    let ours = false;
    const colour = () => {
      const language = languageOf(cell.sharedModel.getSource(), notebook.model.getMetadata('lab'));
      if (!language && !ours) return;
      ours = Boolean(language);
      const mime = language || notebook.codeMimetype;
      if (cell.mimeType !== mime) cell.mimeType = mime;
    };
    cell.mimeTypeChanged.connect(colour); // the kernel's language comes late, and for all cells
    cell.contentChanged.connect(colour);
    colour();
  }

  function watchAll(panel) {
    const seen = new WeakSet();
    const look = () => {
      for (const cell of panel.content.model?.cells ?? []) {
        if (seen.has(cell)) continue;
        seen.add(cell);
        watch(panel.content, cell);
      }
    };
    panel.context.ready.then(() => {
      panel.content.model.cells.changed.connect(look);
      look();
    });
  }

  let shared;
  async function load(name) {
    const version = Object.values(shared[name])[0];
    return (await version.get())();
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['labkit-highlighting'] = {
    init: scope => {
      shared = scope;
    },
    get: async () => {
      const { INotebookTracker } = await load('@jupyterlab/notebook');
      const plugin = {
        id: 'labkit-highlighting:plugin',
        description: 'Colours answers in SQL as SQL.',
        autoStart: true,
        requires: [INotebookTracker],
        activate: (_, tracker) => {
          tracker.forEach(watchAll);
          tracker.widgetAdded.connect((__, panel) => watchAll(panel));
        }
      };
      return () => ({ __esModule: true, default: plugin });
    }
  };
})();
