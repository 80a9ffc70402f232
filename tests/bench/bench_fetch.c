/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What FETCH costs without TCP: an account of generated mail, read through the fake
 * transport again and again on one core.
 *
 *     bench_fetch [--seconds N] [--messages N] [NAME]
 *     valgrind --tool=callgrind '--toggle-collect=round_run*' bench_fetch --rounds 1 header-sync
 */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "fake_transport.h"
#include "mailstore/mailstore.h"
#include "session.h"

enum { MESSAGE_BYTES_MAX = 65536 };

struct scenario {
	const char *name;
	const char *command;
};

static const struct scenario scenarios[] = {
	{"flags", "t UID FETCH 1:* (FLAGS)\r\n"},
	{"header-sync",
	 "t UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM "
	 "TO "
	 "CC SUBJECT MESSAGE-ID REFERENCES CONTENT-TYPE IN-REPLY-TO REPLY-TO)])\r\n"},
	{"header-odd",
	 "t UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (Subject X-Mailer Received)])\r\n"},
	{"envelope", "t UID FETCH 1:* (FLAGS ENVELOPE)\r\n"},
	{"structure", "t UID FETCH 1:* (BODYSTRUCTURE)\r\n"},
	{"bodies", "t UID FETCH 1:* (BODY.PEEK[])\r\n"},
};

struct bench {
	char directory[64];
	struct store *store;
	struct session_engine *engine;
	struct fake_transport fake;
	unsigned messages;
	double seconds;
	unsigned rounds; /* 0: as many as fit into `seconds` */
};

static const uint8_t account[16] = "bench of session";

static uint64_t random_state = 1;

static unsigned below(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

__attribute__((noreturn)) static void give_up(const char *what)
{
	fprintf(stderr, "bench_fetch: %s\n", what);
	exit(2);
}

/* --- Mail --- */

__attribute__((format(printf, 3, 4))) static void add(char *out, size_t *len, const char *format,
						      ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out + *len, MESSAGE_BYTES_MAX - *len, format, args);
	va_end(args);
	ASSERT(n >= 0 && *len + (size_t)n < MESSAGE_BYTES_MAX);
	*len += (size_t)n;
}

/* As mail lists and web mailers make them: about 1.7 KiB of header in 20 fields. */
static size_t message_make(char *out, unsigned number)
{
	size_t len = 0;

	add(out, &len, "Return-Path: <bounce-%u@lists.example.org>\r\n", number);
	for (unsigned hop = 0; hop < 3; hop++)
		add(out, &len,
		    "Received: from mx%u.example.org (mx%u.example.org [192.0.2.%u])\r\n"
		    "\tby mail%u.example.com (Postfix) with ESMTPS id %08X\r\n"
		    "\tfor <bob@example.com>; Tue, 24 Nov 2026 05:%02u:%02u +0000 (UTC)\r\n",
		    hop, hop, below(255), hop, below(1u << 30), number % 60, below(60));
	add(out, &len,
	    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=k1;\r\n"
	    "\th=from:to:subject:date:message-id; bh=%08x%08x;\r\n\tb=%08x%08x%08x%08x\r\n",
	    below(1u << 30), below(1u << 30), below(1u << 30), below(1u << 30), below(1u << 30),
	    below(1u << 30));
	add(out, &len, "MIME-Version: 1.0\r\nDate: Tue, 24 Nov 2026 05:%02u:%02u +0000\r\n",
	    number % 60, below(60));
	add(out, &len, "From: \"Sender Number %u\" <sender%u@example.org>\r\n", number,
	    number % 997);
	add(out, &len, "To: Bob Builder <bob@example.com>, list%u@lists.example.org\r\n",
	    number % 7);
	if (number % 3 == 0)
		add(out, &len, "Cc: carol@example.net, \"Dave, D.\" <dave@example.net>\r\n");
	add(out, &len, "Subject: Re: [list%u] a subject of ordinary length, number %u\r\n",
	    number % 7, number);
	add(out, &len, "Message-ID: <%08x.%u@mail.example.org>\r\n", below(1u << 30), number);
	add(out, &len, "In-Reply-To: <%08x.%u@mail.example.org>\r\n", below(1u << 30), number);
	add(out, &len, "References: <%08x.%u@mail.example.org>\r\n <%08x.%u@mail.example.org>\r\n",
	    below(1u << 30), number, below(1u << 30), number + 1);
	add(out, &len, "X-Mailer: Example 1.%u\r\nList-Id: <list%u.lists.example.org>\r\n",
	    below(9), number % 7);
	add(out, &len, "Content-Type: multipart/alternative; boundary=\"b%u\"\r\n\r\n", number);
	for (unsigned part = 0; part < 2; part++) {
		unsigned lines = 20 + below(80);

		add(out, &len, "--b%u\r\nContent-Type: text/%s; charset=utf-8\r\n\r\n", number,
		    part == 0 ? "plain" : "html");
		for (unsigned line = 0; line < lines; line++)
			add(out, &len, "%08x some words of a message that was generated %u\r\n",
			    below(1u << 30), line);
	}
	add(out, &len, "--b%u--\r\n", number);
	return len;
}

static void mail_import(struct bench *bench)
{
	char *out = malloc(MESSAGE_BYTES_MAX);
	struct store_import *import;
	struct store_error error;
	int inbox;

	ASSERT(out != NULL);
	if (store_import_open(bench->store, account, &import, &error) != 0)
		give_up(error.text);
	inbox = store_import_mailbox(import, span_of("INBOX"), 0, &error);
	for (unsigned number = 1; number <= bench->messages && inbox >= 0; number++) {
		struct store_message message = {
			.bytes = {(const uint8_t *)out, message_make(out, number)},
			.date = {1790000000 + (int64_t)number * 400, 120},
			.system = number % 5 == 0 ? STORE_SEEN | STORE_ANSWERED : STORE_SEEN,
		};

		if (store_import_message(import, (unsigned)inbox, &message, &error) < 0)
			give_up(error.text);
	}
	if (inbox < 0 || store_import_close(&import, &error) != 0)
		give_up(error.text);
	free(out);
}

static void store_make(struct bench *bench)
{
	const char *const volumes[1] = {bench->directory};
	struct store_error error;
	const struct store_config config = mailstore_config(volumes, 1, NULL);

	snprintf(bench->directory, sizeof(bench->directory), "/tmp/wiremap-bench-XXXXXX");
	if (mkdtemp(bench->directory) == NULL)
		give_up("no temporary directory");
	if (store_open(&config, &bench->store, &error) != 0)
		give_up(error.text);
	mail_import(bench);
}

static int remove_entry(const char *path, const struct stat *stat, int flag, struct FTW *walk)
{
	(void)stat;
	(void)flag;
	(void)walk;
	return remove(path);
}

/* --- Running --- */

static void clock_read(struct clock *clock)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	clock->mono_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static enum auth_status verify(struct auth *auth, struct auth_request *request)
{
	(void)auth;
	memcpy(request->account, account, sizeof(account));
	return AUTH_OK;
}

static void engine_start(struct bench *bench)
{
	const struct session_config config = {
		.sessions_max = 8,
		.command_bytes_max = 65536,
		.command_buffers = 2,
		.login_timeout_s = 60,
		.idle_timeout_s = 1800,
		.plaintext_login = true,
		.greeting = "bench",
		.socket = -1,
	};
	struct session_env env = {
		.clock = &bench->fake.clock,
		.work = &bench->fake.work.port,
		.store = bench->store,
		.verify = verify,
	};

	fake_transport_init(&bench->fake);
	bench->fake.discards = true;
	bench->fake.clock.refresh = clock_read;
	/* What the TCP hands out: a 16 KiB block at a time, a quantum of 50 us. */
	bench->fake.limits = (struct fake_limits){65536, 256, 50000, 16384};
	clock_read(&bench->fake.clock);
	if (session_engine_create(&config, &env, &bench->engine) != 0)
		give_up("the engine does not start");
	bench->fake.app = session_engine_app(bench->engine);
	if (fake_open(&bench->fake, 0, false) != 0)
		give_up("no connection");
	fake_send(&bench->fake, 0, span_of("a LOGIN a b\r\nb SELECT INBOX\r\n"));
	fake_run(&bench->fake, true);
}

__attribute__((noinline)) static void round_run(struct bench *bench, const char *command)
{
	fake_send(&bench->fake, 0, span_of(command));
	fake_run(&bench->fake, true);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void scenario_run(struct bench *bench, const struct scenario *scenario)
{
	struct session_stats before, after;
	unsigned rounds = 0;
	double start, spent;

	if (bench->rounds == 0)
		round_run(bench, scenario->command); /* warms */
	session_engine_stats(bench->engine, &before);
	start = now_s();
	do {
		round_run(bench, scenario->command);
		rounds++;
		spent = now_s() - start;
	} while (bench->rounds > 0 ? rounds < bench->rounds : spent < bench->seconds);
	session_engine_stats(bench->engine, &after);
	after.fetch_messages -= before.fetch_messages;
	after.fetch_bytes -= before.fetch_bytes;
	if (after.fetch_messages != (uint64_t)rounds * bench->messages)
		give_up("rows are missing");
	printf("%-12s %10.0f rows/s  %6.0f ns/row  %6.0f bytes/row  %6.2f GB/s\n", scenario->name,
	       (double)after.fetch_messages / spent, spent * 1e9 / (double)after.fetch_messages,
	       (double)after.fetch_bytes / (double)after.fetch_messages,
	       (double)after.fetch_bytes / spent * 1e-9);
}

static const char *arguments_take(struct bench *bench, int argc, char **argv)
{
	const char *only = NULL;

	for (int k = 1; k < argc; k++) {
		if (argv[k][0] != '-')
			only = argv[k];
		else if (k + 1 == argc)
			give_up("an option wants a number");
		else if (strcmp(argv[k], "--seconds") == 0)
			bench->seconds = strtod(argv[++k], NULL);
		else if (strcmp(argv[k], "--messages") == 0)
			bench->messages = (unsigned)strtoul(argv[++k], NULL, 10);
		else if (strcmp(argv[k], "--rounds") == 0)
			bench->rounds = (unsigned)strtoul(argv[++k], NULL, 10);
		else
			give_up("options: --seconds N, --messages N, --rounds N");
	}
	return only;
}

int main(int argc, char **argv)
{
	static struct bench bench = {.messages = 10000, .seconds = 1};
	const char *only = arguments_take(&bench, argc, argv);

	store_make(&bench);
	engine_start(&bench);
	for (size_t k = 0; k < sizeof(scenarios) / sizeof(scenarios[0]); k++)
		if (only == NULL || strcmp(only, scenarios[k].name) == 0)
			scenario_run(&bench, &scenarios[k]);
	fake_close(&bench.fake, 0);
	fake_run(&bench.fake, true);
	session_engine_destroy(&bench.engine);
	fake_run(&bench.fake, true);
	fake_transport_clear(&bench.fake);
	store_close(&bench.store);
	nftw(bench.directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
