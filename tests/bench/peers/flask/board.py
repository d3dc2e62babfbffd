# The demo that Crier replaces: Flask and gevent-websocket with a list of observers. `python board.py PORT`
import sys

from flask import Flask, request
from gevent.pywsgi import WSGIServer
from geventwebsocket.handler import WebSocketHandler

app = Flask(__name__)
observers = []


# Recent versions of Flask route WebSockets separately.
@app.route('/message/', websocket=True)
def message():
    socket = request.environ.get('wsgi.websocket')
    if not socket:
        return 'a WebSocket is needed', 400
    observers.append(socket)
    try:
        while True:
            text = socket.receive()
            if text is None:
                break
            for observer in observers:
                observer.send(text)
    finally:
        observers.remove(socket)
    return ''


WSGIServer(('127.0.0.1', int(sys.argv[1])), app, backlog=4096, log=None, handler_class=WebSocketHandler).serve_forever()
