/** The worker that is a tab's nodes: it keeps their leases and moves layers; others compute for it, and the page only shows. */
import type { HostRequest, TabEvent, WorkerScope } from './messages.js';
import { TabNodes } from './tab-nodes.js';

const scope = globalThis as unknown as WorkerScope<HostRequest, TabEvent>;
const nodes = new TabNodes((event) => scope.postMessage(event));

scope.addEventListener('message', ({ data: request }) => {
  if (request.type === 'leave') nodes.leave();
  else void nodes.start(request.setting);
});
