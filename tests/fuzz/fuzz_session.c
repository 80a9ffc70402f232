/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a client against a whole engine with a small store behind it: nothing
 * crashes, nothing leaks from the pools, and what comes back is bounded by what came in.
 * The first byte says how the rest is cut, budgeted, and whether a login goes before it.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "fake_transport.h"
#include "mailstore/mailstore.h"
#include "session.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	CUT_INPUT = 1 << 0,
	LOGGED_IN = 1 << 1,
	SELECTED = 1 << 2,
	SMALL_BUDGETS = 1 << 3,
	/* The mail is 1 KiB. An item of FETCH takes at least four bytes to ask for. */
	OUT_PER_IN_MAX = 2048,
};

static const uint8_t account[16] = "fuzz of session";
static const char mail[] =
	"From: a@example.org\r\nSubject: =?utf-8?q?=C3=A9?=\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\nAAECAwQF\r\n--x\r\n"
	"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody\r\n--x--\r\n";

static char directory[] = "/tmp/wiremap-fuzz-XXXXXX";
static struct store *store;
static struct session_engine *engine;
static struct fake_transport fake;

static int remove_entry(const char *path, const struct stat *stat, int flag, struct FTW *walk)
{
	(void)stat;
	(void)flag;
	(void)walk;
	return remove(path);
}

static void clean_up(void)
{
	nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static enum auth_status verify(struct auth *auth, struct auth_request *request)
{
	(void)auth;
	memcpy(request->account, account, sizeof(account));
	return request->name[0] == 'u' ? AUTH_OK : AUTH_DENIED;
}

static void store_make(void)
{
	static const char *const volumes[1] = {directory};
	const struct store_config config = mailstore_config(volumes, 1, NULL);
	const struct store_message message = {
		.bytes = {(const uint8_t *)mail, sizeof(mail) - 1},
		.date = {1795000000, 60},
	};
	struct store_import *import;
	struct store_error error;
	int inbox;

	ASSERT(mkdtemp(directory) != NULL);
	atexit(clean_up);
	ASSERT(store_open(&config, &store, &error) == 0);
	ASSERT(store_import_open(store, account, &import, &error) == 0);
	inbox = store_import_mailbox(import, span_of("INBOX"), STORE_SUBSCRIBED, &error);
	ASSERT(inbox >= 0);
	ASSERT(store_import_mailbox(import, span_of("a/b"), STORE_SUBSCRIBED, &error) >= 0);
	for (unsigned k = 0; k < 3; k++)
		ASSERT(store_import_message(import, (unsigned)inbox, &message, &error) == 1);
	ASSERT(store_import_close(&import, &error) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct session_config config = {
		.sessions_max = 4,
		.command_bytes_max = 8192,
		.command_buffers = 1,
		.login_timeout_s = 60,
		.idle_timeout_s = 1800,
		.plaintext_login = true,
		.greeting = "fuzz",
		.socket = -1,
	};
	struct session_env env = {.verify = verify};

	(void)argc;
	(void)argv;
	store_make();
	fake_transport_init(&fake);
	env.clock = &fake.clock;
	env.work = &fake.work.port;
	env.store = store;
	ASSERT(session_engine_create(&config, &env, &engine) == 0);
	fake.app = session_engine_app(engine);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fake_connection *connection = &fake.connections[0];
	unsigned how = size > 0 ? data[0] : 0;
	struct session_stats stats;

	if (size == 0 || size > 32768)
		return 0;
	fake.random = (how & CUT_INPUT) != 0 ? how * 2654435761u + size : 0;
	fake.limits.budget_bytes = (how & SMALL_BUDGETS) != 0 ? STREAM_BUDGET_BYTES_MIN : 65536;
	fake.limits.budget_items = (how & SMALL_BUDGETS) != 0 ? 1 : UINT32_MAX;
	ASSERT(fake_open(&fake, 0, false) == 0);
	if ((how & LOGGED_IN) != 0)
		fake_send(&fake, 0, span_of("l LOGIN u p\r\n"));
	if ((how & SELECTED) != 0)
		fake_send(&fake, 0, span_of("s SELECT INBOX\r\n"));
	fake_run(&fake, true);
	fake_send(&fake, 0, (struct span){data + 1, size - 1});
	fake_end(&fake, 0);
	fake_run(&fake, (how & 0x80) == 0);
	fake_wait_ms(&fake, 20000);
	ASSERT(connection->out_len <= 4096 + size * OUT_PER_IN_MAX);
	fake_close(&fake, 0);
	fake_run(&fake, true);
	session_engine_stats(engine, &stats);
	ASSERT(stats.sessions == 0);
	return 0;
}
