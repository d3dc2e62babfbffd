# uWebSockets, as socketify carries it to PyPI: Python is called once for each message, the fan-out is uWebSockets' own
# publish. `python board.py PORT`
import sys

from socketify import App, OpCode

app = App()


def open(socket):
    socket.subscribe('everybody')


def message(socket, text, opcode):
    app.publish('everybody', text, OpCode.TEXT)


app.ws('/*', {'open': open, 'message': message, 'compression': 0, 'idle_timeout': 0, 'max_payload_length': 64 * 1024})
app.listen(int(sys.argv[1]), lambda _: None)
app.run()
