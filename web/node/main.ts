/** The page of a node in a browser: lets its user in by the link, says what would run, and shows what the tab does once asked to. */
import { h } from '../dom.js';
import { comeIn } from './come-in.js';
import { consent } from './consent.js';
import { TabSession } from './session.js';
import { work } from './work.js';
import '../style.css';

const root = document.getElementById('page') as HTMLElement;
const main = h('main', { class: 'node-page' });
root.append(main, h('footer', {}, h('p', {}, 'pff: Pipeline Forward-Forward')));
document.title = 'Take part · pff';

function refused(why: string): void {
  main.replaceChildren(
    h(
      'header',
      { class: 'overview' },
      h('h1', {}, 'This browser cannot take part'),
      h('p', { class: 'explain', role: 'alert' }, why),
    ),
  );
}

const come = await comeIn();
if ('error' in come) refused(come.error);
else {
  const { shared } = come;
  document.title = `${shared.record.run} · pff`;
  const ask = (): void => {
    const asking = consent(shared, (choice, given) => {
      const session = new TabSession(shared, choice, given);
      main.replaceChildren(
        work(session, () => {
          session.close();
          ask();
        }).element,
      );
      session.start();
    });
    main.replaceChildren(asking);
  };
  ask();
}
