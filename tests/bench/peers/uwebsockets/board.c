/* A board on uWebSockets, through the C interface of socketify's library. `board PORT` */
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

typedef struct uws_app uws_app;
typedef struct uws_websocket uws_websocket;

struct us_socket_context_options_t {
  const char *key_file_name, *cert_file_name, *passphrase, *dh_params_file_name, *ca_file_name, *ssl_ciphers;
  int ssl_prefer_low_memory_usage;
};

typedef struct {
  int compression;
  unsigned int max_payload_length;
  unsigned short idle_timeout;
  unsigned int max_backpressure;
  bool close_on_backpressure_limit, reset_idle_timeout_on_send, send_pings_automatically;
  unsigned short max_lifetime;
  void (*upgrade)(void);
  void (*open)(uws_websocket *, void *);
  void (*message)(uws_websocket *, const char *, size_t, int, void *);
  void (*rest[5])(void);
} uws_socket_behavior;

typedef struct {
  int port;
  const char *host;
  int options;
} uws_app_listen_config;

uws_app *uws_create_app(int ssl, struct us_socket_context_options_t options);
void uws_ws(int ssl, uws_app *app, const char *pattern, uws_socket_behavior behavior, void *user_data);
bool uws_ws_subscribe(int ssl, uws_websocket *ws, const char *topic, size_t length);
bool uws_publish(int ssl, uws_app *app, const char *topic, size_t topic_length, const char *message, size_t length, int opcode, bool compress);
void uws_app_listen(int ssl, uws_app *app, int port, void (*handler)(void *, uws_app_listen_config, void *), void *user_data);
void uws_app_run(int ssl, uws_app *app);

static uws_app *app;

static void open_socket(uws_websocket *ws, void *user_data) { uws_ws_subscribe(0, ws, "all", 3); }

static void message(uws_websocket *ws, const char *text, size_t length, int opcode, void *user_data) {
  uws_publish(0, app, "all", 3, text, length, opcode, false);
}

static void listening(void *socket, uws_app_listen_config config, void *user_data) {
  if (!socket) exit(1);
}

int main(int count, char **arguments) {
  struct us_socket_context_options_t options = {0};
  uws_socket_behavior behavior = {.max_payload_length = 64 * 1024, .max_backpressure = 16 * 1024 * 1024, .open = open_socket, .message = message};
  app = uws_create_app(0, options);
  uws_ws(0, app, "/*", behavior, NULL);
  uws_app_listen(0, app, atoi(arguments[1]), listening, NULL);
  uws_app_run(0, app);
}
