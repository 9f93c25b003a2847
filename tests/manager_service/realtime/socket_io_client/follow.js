// Follows a Manager as Flamenco 3's pages do. Each line on stdin is a JSON list, the arguments of
// one `emit`; an acknowledgement is asked for. Whatever happens is a JSON list on stdout.
'use strict';

const io = require('socket.io-client');
const readline = require('readline');

const say = (...what) => process.stdout.write(JSON.stringify(what) + '\n');

const socket = io(process.argv[2], {
  transports: ['websocket'],
  reconnectionDelay: 50,
  reconnectionDelayMax: 200,
  timeout: 5000,
  forceNew: true,
});

for (const name of ['connect', 'disconnect', 'connect_error', 'error', 'reconnect', 'pong']) {
  socket.on(name, (detail) => say(name, String(detail)));
}
const events = [
  '/jobs', '/task', '/tasklog', '/last-rendered', '/workers', '/workertags', '/status', '/lifecycle',
];
for (const name of events) {
  socket.on(name, (data) => say(name, data));
}

const lines = readline.createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const request = JSON.parse(line);
  if (request[0] === 'ping') {
    socket.io.engine.ping();
    return;
  }
  socket.emit(...request, (answer) => say('ack', answer));
});
lines.on('close', () => {
  socket.close();
  process.exit(0);
});
