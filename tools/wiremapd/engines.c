/* SPDX-License-Identifier: Apache-2.0 */
#include "engines.h"

#include <string.h>

static void address_write(uint32_t ip, uint8_t address_r[16])
{
	memset(address_r, 0, 16);
	if (ip == 0)
		return; /* any */
	address_r[10] = address_r[11] = 0xff;
	for (unsigned k = 0; k < 4; k++)
		address_r[12 + k] = (uint8_t)(ip >> (24 - 8 * k));
}

/* A listener that was opened before the one that fails goes with the tcp, which never runs. */
static int listeners_open(struct engines *engines, struct tcp *tcp, struct stream_app *app)
{
	const struct wiremap_config *config = engines->config;

	for (unsigned k = 0; k < config->listen.n; k++) {
		const struct config_listen *listen = &config->listen.items[k];
		uint8_t address[16];
		int status;

		address_write(listen->address, address);
		status = tcp_listen(tcp, address, (uint16_t)listen->port, app);
		if (status != 0) {
			log_line(engines->log, LOG_LEVEL_ERROR,
				 "%s:%u: listen: port %u: %s: is it there twice?", config->path,
				 listen->line, listen->port, strerror(-status));
			return status;
		}
	}
	return 0;
}

int engines_core_start(struct loop_core *core, unsigned number, void *arg)
{
	struct engines *engines = arg;
	const struct config_imap *imap = &engines->config->imap;
	const struct session_config session = {
		.sessions_max = imap->sessions_max,
		.command_bytes_max = imap->command_bytes_max,
		.command_buffers = imap->command_buffers,
		.login_timeout_s = imap->login_timeout_s,
		.idle_timeout_s = imap->idle_timeout_s,
		.plaintext_login = imap->plaintext_login,
		.greeting = imap->greeting,
		.socket = loop_core_socket(core),
	};
	const struct session_env env = {
		.clock = loop_core_clock(core),
		.log = engines->log,
		.work = loop_core_work(core),
		.store = engines->store,
		.verify = auth_verify,
		.auth = engines->auth,
	};
	int status = session_engine_create(&session, &env, &engines->engines[number]);

	if (status == 0)
		status = listeners_open(engines, loop_core_tcp(core),
					session_engine_app(engines->engines[number]));
	/* What failed to start is not stopped; nobody has connected yet. */
	if (status != 0)
		session_engine_destroy(&engines->engines[number]);
	return status;
}

void engines_core_stop(struct loop_core *core, unsigned number, void *arg)
{
	struct engines *engines = arg;

	(void)core;
	session_engine_destroy(&engines->engines[number]);
}
