/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mailstore/mailstore.h"

const uint8_t fixture_account[16] = {0x5e, 0x55, 0x10, 0x4e, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static const char plain[] = "From: Ann <ann@example.org>\r\n"
			    "To: bob@example.com\r\n"
			    "Subject: plain\r\n"
			    "Date: Tue, 24 Nov 2026 05:00:00 +0000\r\n"
			    "Message-ID: <1@example.org>\r\n"
			    "X-Odd: one\r\n"
			    "\r\n"
			    "Hello\r\n"
			    "World\r\n";

/* Part 1 text, 2 base64 with a NUL in it, 3 quoted-printable, 4 a message with two parts. */
static const char multipart[] = "From: ann@example.org\r\n"
				"Subject: parts\r\n"
				"MIME-Version: 1.0\r\n"
				"Content-Type: multipart/mixed; boundary=\"xx\"\r\n"
				"\r\n"
				"preamble\r\n"
				"--xx\r\n"
				"Content-Type: text/plain\r\n"
				"\r\n"
				"first part\r\n"
				"--xx\r\n"
				"Content-Type: application/octet-stream\r\n"
				"Content-Transfer-Encoding: base64\r\n"
				"\r\n"
				"AAECAwQF\r\n"
				"BgcICQ==\r\n"
				"--xx\r\n"
				"Content-Type: text/plain; charset=utf-8\r\n"
				"Content-Transfer-Encoding: quoted-printable\r\n"
				"\r\n"
				"caf=C3=A9 =\r\n"
				"end\r\n"
				"--xx\r\n"
				"Content-Type: message/rfc822\r\n"
				"\r\n"
				"Subject: inner\r\n"
				"Content-Type: multipart/alternative; boundary=yy\r\n"
				"\r\n"
				"--yy\r\n"
				"Content-Type: text/plain\r\n"
				"\r\n"
				"inner text\r\n"
				"--yy\r\n"
				"Content-Type: text/html\r\n"
				"\r\n"
				"<p>inner</p>\r\n"
				"--yy--\r\n"
				"\r\n"
				"--xx--\r\n";

static const char encoding[] = "Subject: unknown\r\n"
			       "MIME-Version: 1.0\r\n"
			       "Content-Transfer-Encoding: x-rot13\r\n"
			       "\r\n"
			       "uryyb\r\n";

/* --- Mail --- */

static void message_keep(struct fixture *fixture, unsigned number, const void *bytes, size_t len)
{
	fixture->messages[number] = malloc(len);
	assert_non_null(fixture->messages[number]);
	memcpy(fixture->messages[number], bytes, len);
	fixture->lens[number] = len;
}

/* Appends to a message under construction. */
__attribute__((format(printf, 3, 4))) static void add(char *out, size_t *len, const char *format,
						      ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out + *len, FIXTURE_MESSAGE_BYTES_MAX - *len, format, args);
	va_end(args);
	assert_true(n >= 0 && *len + (size_t)n < FIXTURE_MESSAGE_BYTES_MAX);
	*len += (size_t)n;
}

static void large_make(struct fixture *fixture, char *out)
{
	size_t len = 0;

	add(out, &len, "Subject: large\r\n\r\n");
	for (unsigned line = 0; line < 8000; line++)
		add(out, &len, "line %u of a large message, no two alike: %u\r\n", line,
		    line * 2654435761u);
	message_keep(fixture, FIXTURE_LARGE, out, len);
}

static void headers_make(struct fixture *fixture, char *out)
{
	size_t len = 0;

	for (unsigned hop = 0; hop < 100; hop++)
		add(out, &len,
		    "Received: from h%u.example by h%u.example\r\n\twith ESMTP id %08x;\r\n"
		    " Tue, 24 Nov 2026 05:00:00 +0000\r\nX-Hop-%u: %u\r\n",
		    hop, hop + 1, hop * 2654435761u, hop, hop);
	add(out, &len,
	    "subject: folded\r\n  twice\r\n\tor so\r\nSUBJECT: again\r\nTo: many@a.example");
	for (unsigned k = 0; k < 300; k++)
		add(out, &len, ",\r\n \"Somebody %u\" <somebody%u@example.org>", k, k);
	add(out, &len, "\r\n\r\nbody\r\n");
	message_keep(fixture, FIXTURE_HEADERS, out, len);
}

static void messages_make(struct fixture *fixture)
{
	char *out = malloc(FIXTURE_MESSAGE_BYTES_MAX);

	assert_non_null(out);
	message_keep(fixture, FIXTURE_PLAIN, plain, sizeof(plain) - 1);
	message_keep(fixture, FIXTURE_MULTIPART, multipart, sizeof(multipart) - 1);
	large_make(fixture, out);
	headers_make(fixture, out);
	message_keep(fixture, FIXTURE_ENCODING, encoding, sizeof(encoding) - 1);
	for (unsigned number = FIXTURE_FLAGS; number <= FIXTURE_MESSAGES; number++) {
		size_t len = 0;

		add(out, &len, "From: s%u@example.org\r\nTo: bob@example.com\r\n", number);
		add(out, &len, "Subject: number %u\r\nMessage-ID: <%u@example.org>\r\n\r\n", number,
		    number);
		for (unsigned line = 0; line < number * 3; line++)
			add(out, &len, "line %u\r\n", line);
		message_keep(fixture, number, out, len);
	}
	free(out);
}

struct span fixture_message(const struct fixture *fixture, unsigned number)
{
	return (struct span){fixture->messages[number], fixture->lens[number]};
}

/* --- Mailboxes --- */

static int mailbox_make(struct store_import *import, const char *name, uint32_t attributes)
{
	struct store_error error;
	int number = store_import_mailbox(import, span_of(name), attributes, &error);

	if (number < 0)
		fail_msg("%s", error.text);
	return number;
}

static void message_add(struct fixture *fixture, struct store_import *import, int mailbox,
			unsigned number)
{
	struct span keywords[] = {span_of("$Forwarded"), span_of("Work")};
	struct store_error error;
	struct store_message message = {
		.bytes = fixture_message(fixture, number),
		.date = {1795000000 + (int64_t)number * 86400, (int16_t)(number % 2 ? 60 : -330)},
		.system = number % 4 == 0 ? 0 : STORE_SEEN,
	};

	if (number == FIXTURE_FLAGS) {
		message.system =
			STORE_SEEN | STORE_ANSWERED | STORE_FLAGGED | STORE_DELETED | STORE_DRAFT;
		message.keywords = keywords;
		message.keywords_n = 2;
	}
	if (store_import_message(import, (unsigned)mailbox, &message, &error) != 1)
		fail_msg("message %u: %s", number, error.text);
}

static void account_fill(struct fixture *fixture)
{
	struct store_import *import;
	struct store_error error;
	int inbox, sent;

	if (store_import_open(fixture->store, fixture_account, &import, &error) != 0)
		fail_msg("%s", error.text);
	inbox = mailbox_make(import, "INBOX", STORE_SUBSCRIBED);
	sent = mailbox_make(import, "Sent", STORE_USE_SENT | STORE_SUBSCRIBED);
	mailbox_make(import, "Archive/2024/January", STORE_SUBSCRIBED);
	mailbox_make(import, "Archive/2024/February", 0);
	mailbox_make(import, "Entw\xc3\xbcrfe & \"more\"", STORE_USE_DRAFTS);
	mailbox_make(import, "Lists/one", STORE_SUBSCRIBED);
	mailbox_make(import, "gone/away", STORE_SUBSCRIBED | STORE_NONEXISTENT);
	for (unsigned number = 1; number <= FIXTURE_MESSAGES; number++)
		message_add(fixture, import, inbox, number);
	message_add(fixture, import, sent, FIXTURE_PLAIN);
	if (store_import_close(&import, &error) != 0)
		fail_msg("%s", error.text);
}

static void log_write(struct log *log, enum log_level level, const char *line)
{
	struct fixture *fixture =
		(struct fixture *)((uint8_t *)log - offsetof(struct fixture, log));

	(void)line;
	fixture->log_lines += level == LOG_LEVEL_ERROR;
}

static void store_make(struct fixture *fixture)
{
	const char *const volumes[1] = {fixture->directory};
	struct store_error error;
	const struct store_config config = mailstore_config(volumes, 1, &fixture->log);

	snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/wiremap-session-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	if (store_open(&config, &fixture->store, &error) != 0)
		fail_msg("%s", error.text);
}

/* --- The engine --- */

static enum auth_status verify(struct auth *auth, struct auth_request *request)
{
	struct fixture *fixture = (struct fixture *)(void *)auth;
	bool known =
		strcmp(request->name, "user") == 0 && strcmp(request->password, "pass word") == 0;

	fixture->verified++;
	memcpy(request->account, fixture_account, sizeof(fixture_account));
	if (fixture->unavailable != 0)
		return fixture->unavailable;
	return known ? AUTH_OK : AUTH_DENIED;
}

static void engine_start(struct fixture *fixture)
{
	const struct session_env env = {
		.clock = &fixture->fake.clock,
		.log = &fixture->log,
		.work = &fixture->fake.work.port,
		.store = fixture->store,
		.verify = verify,
		.auth = (struct auth *)(void *)fixture,
	};

	assert_int_equal(session_engine_create(&fixture->config, &env, &fixture->engine), 0);
	fixture->fake.app = session_engine_app(fixture->engine);
}

static void engine_stop(struct fixture *fixture)
{
	for (unsigned k = 0; k < FAKE_CONNECTIONS_MAX; k++)
		fake_close(&fixture->fake, k);
	fake_run(&fixture->fake, true);
	session_engine_destroy(&fixture->engine);
	fake_run(&fixture->fake, true);
}

void fixture_engine_restart(struct fixture *fixture)
{
	engine_stop(fixture);
	engine_start(fixture);
}

int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->log = (struct log){log_write, LOG_LEVEL_DEBUG};
	fixture->config = (struct session_config){
		.sessions_max = 32,
		.command_bytes_max = 65536,
		.command_buffers = 2,
		.login_timeout_s = 60,
		.idle_timeout_s = 1800,
		.plaintext_login = true,
		.greeting = "Wiremap ready",
		.socket = -1,
	};
	store_make(fixture);
	messages_make(fixture);
	account_fill(fixture);
	fake_transport_init(&fixture->fake);
	engine_start(fixture);
	*state = fixture;
	return 0;
}

static int remove_entry(const char *path, const struct stat *stat, int flag, struct FTW *walk)
{
	(void)stat;
	(void)flag;
	(void)walk;
	return remove(path);
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	engine_stop(fixture);
	fake_transport_clear(&fixture->fake);
	store_close(&fixture->store);
	nftw(fixture->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	for (unsigned number = 1; number <= FIXTURE_MESSAGES; number++)
		free(fixture->messages[number]);
	free(fixture);
	return 0;
}

const char *fixture_talk(struct fixture *fixture, const char *text)
{
	fake_out_clear(&fixture->fake, 0);
	fake_send(&fixture->fake, 0, span_of(text));
	fake_run(&fixture->fake, true);
	return fixture->fake.connections[0].out_len > 0
		       ? (const char *)fixture->fake.connections[0].out
		       : "";
}

void fixture_connect(struct fixture *fixture)
{
	assert_int_equal(fake_open(&fixture->fake, 0, false), 0);
	assert_has(fixture_talk(fixture, ""), "* OK [CAPABILITY IMAP4rev1 ");
}

void fixture_login(struct fixture *fixture)
{
	fixture_connect(fixture);
	assert_has(fixture_talk(fixture, "l LOGIN user \"pass word\"\r\n"), "l OK ");
}

void fixture_select(struct fixture *fixture)
{
	fixture_login(fixture);
	assert_has(fixture_talk(fixture, "s SELECT INBOX\r\n"), "s OK [READ-WRITE] ");
}
