// A JupyterLab extension that needs no build. The browser's storage keeps the learner's work as it was last saved; a new session that
// lacks some of it is offered it. Where sessions end when nothing happens, as on Binder, it counts down before that.
//
// The server's half is labkit/notebook/work_server.py. How JupyterLab loads this file: ../../labkit-highlighting/static/remoteEntry.js
'use strict';

(() => {
  const LAST = 'labkit:work'; // {session, at, work}: as it was last saved in this browser
  const BEFORE = 'labkit:work-before'; // the same, of an earlier session whose work is not here
  const WARNING = 120; // seconds before the end, or half of the time where that is less
  const PAUSE = 500; // milliseconds: several savings in a row are looked at once

  const read = key => {
    try {
      return JSON.parse(window.localStorage.getItem(key));
    } catch {
      return null;
    }
  };
  const write = (key, value) => {
    try {
      window.localStorage.setItem(key, JSON.stringify(value));
      return true;
    } catch {
      return false; // no storage, or no room in it
    }
  };

  // The answers of `work` that nothing stands for in `here`.
  function missing(work, here) {
    return Object.entries(work.answers).flatMap(([lab, answers]) =>
      Object.keys(answers).filter(name => !(here.answers[lab] || {})[name]).map(name => `${lab} ${name}`)
    );
  }

  const plural = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;
  const time = at => new Date(at).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  const clock = seconds => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

  // One strip at the lower edge for each matter; a new one of the same matter takes the place of the old one.
  function strip(matter, text, buttons) {
    document.getElementById(`labkit-${matter}`)?.remove();
    const box = document.createElement('section');
    box.id = `labkit-${matter}`;
    box.setAttribute('aria-label', 'Your work');
    box.style.cssText =
      'position: relative; display: flex; flex-wrap: wrap; gap: 8px; align-items: center; padding: 8px 16px;' +
      'background: var(--jp-layout-color2); color: var(--jp-ui-font-color1); border-top: 3px solid var(--jp-warn-color1);' +
      'font-family: var(--jp-ui-font-family); font-size: var(--jp-ui-font-size1)';
    const said = document.createElement('span');
    said.setAttribute('role', 'status');
    said.textContent = text;
    box.append(said);
    for (const [label, act] of buttons) {
      const button = document.createElement('button');
      button.textContent = label;
      button.className = 'jp-mod-styled';
      button.addEventListener('click', () => act(box));
      box.append(button);
    }
    corner().append(box);
    return box;
  }

  function corner() {
    const found = document.getElementById('labkit-strips');
    if (found) return found;
    const made = document.createElement('div');
    made.id = 'labkit-strips';
    made.style.cssText = 'position: fixed; left: 0; right: 0; bottom: 0; z-index: 9000';
    document.body.append(made);
    return made;
  }

  function download(work) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([JSON.stringify(work, null, 1)], { type: 'application/json' }));
    link.download = `my-work-${(work.saved || '').slice(0, 16).replace('T', '-').replace(':', '')}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  class Keeper {
    constructor(app, tracker, request) {
      Object.assign(this, { app, tracker, request, session: '', idle: 0, timer: 0, kept: false });
    }

    async start() {
      const here = await this.request('GET', 'work');
      this.session = here.session;
      this.idle = here.idle;
      const last = read(LAST);
      if (last && last.session !== here.session && missing(last.work, here.work).length) write(BEFORE, last);
      this.keep(here);
      const before = read(BEFORE);
      if (before && missing(before.work, here.work).length) this.offer(before, missing(before.work, here.work));
      else window.localStorage.removeItem(BEFORE);
    }

    keep(here) {
      this.kept = write(LAST, { session: here.session, at: Date.now(), work: here.work });
    }

    soon() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look().catch(() => this.lost()), PAUSE);
    }

    async look() {
      this.keep(await this.request('GET', 'work'));
      document.getElementById('labkit-lost')?.remove();
    }

    offer(before, names) {
      const text = `This browser has ${plural(names.length, 'answer')} of ${time(before.at)} that ${names.length === 1 ? 'is' : 'are'} not here.`;
      const box = strip('offer', text, [
        ['Bring them back', () => this.restore(before)],
        ['Download them', () => download(before.work)],
        ['Not now', () => box.remove()] // it is offered again to the next session
      ]);
      box.title = names.join('\n');
    }

    panels() {
      const found = [];
      this.tracker.forEach(panel => panel.context.isReady && found.push(panel));
      return found;
    }

    // What is typed and not saved must be on disk, where a restore keeps what it replaces.
    async saveAll() {
      for (const panel of this.panels()) if (panel.context.model.dirty) await panel.context.save();
    }

    async reload() {
      for (const panel of this.panels()) await panel.context.revert();
    }

    async restore(before) {
      await this.saveAll();
      const done = await this.request('POST', 'work', before.work);
      await this.reload();
      window.localStorage.removeItem(BEFORE);
      const box = strip('offer', done.told.join(' '), [
        ['Undo the restore', () => this.undo(before)],
        ['Close', () => box.remove()]
      ]);
      await this.look();
    }

    async undo(before) {
      await this.saveAll();
      await this.request('POST', 'undo', {});
      await this.reload();
      write(BEFORE, before);
      await this.look();
      const box = strip('offer', 'It is as before. The answers stay in this browser.', [['Close', () => box.remove()]]);
    }

    said() {
      const last = read(LAST);
      return last && this.kept ? `Your work up to ${time(last.at)} is kept in this browser.` : 'Your work is not kept in this browser.';
    }

    lost() {
      const last = read(LAST);
      if (last) strip('lost', `The course's server does not answer. ${this.said()}`, [['Download my work', () => download(last.work)]]);
    }

    // Counts down before the server ends a session in which nothing happens. It sees traffic only, so what happens here is told to it.
    watchIdle() {
      if (!this.idle) return;
      let last = Date.now();
      let toldAt = last;
      const here = () => {
        last = Date.now();
        document.getElementById('labkit-idle')?.remove();
        if (last - toldAt < this.idle * 200) return;
        toldAt = last;
        this.look().catch(() => this.lost());
      };
      // Moving the pointer is not enough: the strip would be gone before its buttons are reached.
      const elsewhere = event => event.target.closest?.('#labkit-strips') || here();
      for (const event of ['keydown', 'pointerdown', 'wheel']) window.addEventListener(event, elsewhere, { passive: true, capture: true });
      setInterval(() => {
        if (this.panels().some(panel => panel.sessionContext.session?.kernel?.status === 'busy')) return here();
        const left = this.idle - (Date.now() - last) / 1000;
        if (left > Math.min(WARNING, this.idle / 2)) return;
        const end = left > 0 ? `This session ends in ${clock(left)} unless you do something.` : 'This session has been idle too long and may have ended.';
        const text = `${end} ${this.said()}`;
        const box = document.getElementById('labkit-idle');
        if (box) box.firstChild.textContent = text;
        else strip('idle', text, [['I am here', here], ['Download my work', () => download(read(LAST).work)]]);
      }, 1000);
    }
  }

  function watch(keeper, panel) {
    panel.context.saveState.connect((_, state) => state === 'completed' && keeper.soon());
  }

  let shared;
  async function load(name) {
    const version = Object.values(shared[name])[0];
    return (await version.get())();
  }

  function asker(app, ServerConnection) {
    const settings = app.serviceManager.serverSettings;
    return async (method, path, body) => {
      const init = { method, ...(body ? { body: JSON.stringify(body) } : {}) };
      const response = await ServerConnection.makeRequest(`${settings.baseUrl}labkit/${path}`, init, settings);
      if (!response.ok) throw new Error(`labkit/${path}: ${response.status}`);
      return response.json();
    };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['labkit-keepsake'] = {
    init: scope => {
      shared = scope;
    },
    get: async () => {
      const { INotebookTracker, NotebookActions } = await load('@jupyterlab/notebook');
      const { ServerConnection } = await load('@jupyterlab/services');
      const plugin = {
        id: 'labkit-keepsake:plugin',
        description: "Keeps the learner's work in the browser, and offers it to a new session.",
        autoStart: true,
        requires: [INotebookTracker],
        activate: (app, tracker) => {
          const keeper = new Keeper(app, tracker, asker(app, ServerConnection));
          tracker.forEach(panel => watch(keeper, panel));
          tracker.widgetAdded.connect((_, panel) => watch(keeper, panel));
          // An answer that was run is worth keeping at once, not at the next autosave.
          NotebookActions.executed.connect((_, { notebook, cell }) => {
            const panel = tracker.find(one => one.content === notebook);
            if (panel && cell.model.sharedModel.getSource().startsWith('%%answer')) panel.context.save().catch(() => keeper.lost());
          });
          app.serviceManager.connectionFailure?.connect(() => keeper.lost());
          app.restored.then(() => keeper.start()).then(() => keeper.watchIdle(), () => undefined); // a server without our half
        }
      };
      return () => ({ __esModule: true, default: plugin });
    }
  };
})();
