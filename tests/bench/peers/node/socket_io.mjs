// A board on Socket.IO, like the chat in its documentation. `node socket_io.mjs PORT`
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { transports: ['websocket'] });
io.on('connection', (socket) => {
  socket.on('message', (text) => io.emit('message', text));
});
http.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
