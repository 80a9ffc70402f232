/* SPDX-License-Identifier: Apache-2.0 */
#include "imap_client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum script {
	STEP_GREETING,
	STEP_LOGIN,
	STEP_SELECT,
	STEP_HEADERS,
	STEP_BODIES,
	STEP_PARTIAL,
	STEP_PARTIAL_LAST = STEP_PARTIAL + 6,
	STEP_LOGOUT
};

static const char *const field_names[] = {"Date", "FROM", "subject", "X-Odd", "No-Such"};
enum { FIELD_NAMES = sizeof(field_names) / sizeof(field_names[0]) };

static struct imap_client *client_of(struct stream_session *session)
{
	return (struct imap_client *)((char *)session - offsetof(struct imap_client, session));
}

__attribute__((format(printf, 2, 3))) static void fail(struct imap_client *client,
						       const char *format, ...)
{
	va_list args;

	if (client->state == IMAP_CLIENT_FAILED)
		return;
	va_start(args, format);
	vsnprintf(client->why, sizeof(client->why), format, args);
	va_end(args);
	client->state = IMAP_CLIENT_FAILED;
}

static unsigned random_below(struct imap_client *client, unsigned n)
{
	client->random = client->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((client->random >> 33) % n);
}

/* The text of the next command, and how many FETCH rows must come before its tagged OK. */
static void step_begin(struct imap_client *client)
{
	char *out = client->command;
	size_t room = sizeof(client->command);
	unsigned step = ++client->step;
	int n;

	client->rows = client->rows_wanted = 0;
	if (step == STEP_LOGIN) {
		n = snprintf(out, room, "a%u LOGIN user {8+}\r\npassword\r\n", step);
	} else if (step == STEP_SELECT) {
		n = snprintf(out, room, "a%u SELECT \"INBOX\"\r\n", step);
	} else if (step == STEP_HEADERS) {
		client->rows_wanted = IMAP_MAIL_MESSAGES;
		n = snprintf(out, room,
			     "a%u UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK["
			     "HEADER.FIELDS (Date FROM subject X-Odd No-Such)])\r\n",
			     step);
	} else if (step == STEP_BODIES) {
		client->rows_wanted = IMAP_MAIL_MESSAGES;
		n = snprintf(out, room, "a%u FETCH 1:* (FLAGS BODY.PEEK[])\r\n", step);
	} else if (step <= STEP_PARTIAL_LAST) {
		client->rows_wanted = 1;
		client->partial_number = random_below(client, IMAP_MAIL_MESSAGES);
		client->partial_off = random_below(client, 10000);
		client->partial_len = 1 + random_below(client, 70000);
		n = snprintf(out, room, "a%u UID FETCH %u BODY.PEEK[]<%u.%u>\r\n", step,
			     client->partial_number + 1, client->partial_off, client->partial_len);
	} else {
		n = snprintf(out, room, "a%u LOGOUT\r\n", step);
	}
	ASSERT(n > 0 && (size_t)n < room);
	client->command_len = (size_t)n;
	client->command_off = 0;
}

/* Which bytes must follow a line of FETCH that announces a literal. */
static void literal_expect(struct imap_client *client, unsigned number, size_t announced)
{
	const struct imap_mail *mail = client->mail;
	struct span message;

	if (number < 1 || number > IMAP_MAIL_MESSAGES) {
		fail(client, "row %u is of no message", number);
		return;
	}
	message = (struct span){mail->bytes[number - 1], mail->len[number - 1]};
	if (client->step == STEP_HEADERS) {
		client->expected = client->scratch;
		client->expected_len =
			imap_mail_fields(message, field_names, FIELD_NAMES, client->scratch);
	} else if (client->step == STEP_BODIES) {
		client->expected = mail->bytes[number - 1];
		client->expected_len = message.len;
	} else {
		struct span part = span_cut(message, client->partial_off, client->partial_len);

		client->expected = mail->bytes[number - 1] + (part.ptr - message.ptr);
		client->expected_len = part.len;
		if (number != client->partial_number + 1)
			fail(client, "row %u instead of %u", number, client->partial_number + 1);
	}
	client->expected_off = 0;
	if (client->expected_len != announced)
		fail(client, "literal of %zu bytes instead of %zu in message %u", announced,
		     client->expected_len, number);
}

static void line_take(struct imap_client *client)
{
	const char *line = client->line;
	char tagged[16];
	unsigned number;
	char *brace;

	client->line[client->line_len] = '\0';
	if (client->step == STEP_GREETING) {
		if (strncmp(line, "* OK ", 5) != 0)
			fail(client, "greeting: %.100s", line);
		step_begin(client);
		return;
	}
	snprintf(tagged, sizeof(tagged), "a%u ", client->step);
	if (strncmp(line, tagged, strlen(tagged)) == 0) {
		if (strncmp(line + strlen(tagged), "OK", 2) != 0)
			fail(client, "not OK: %.100s", line);
		else if (client->rows != client->rows_wanted)
			fail(client, "step %u: %u rows instead of %u", client->step, client->rows,
			     client->rows_wanted);
		else if (client->step == STEP_LOGOUT)
			client->state = IMAP_CLIENT_DONE;
		else
			step_begin(client);
		return;
	}
	brace = strrchr(client->line, '{');
	if (sscanf(line, "* %u FETCH ", &number) == 1 && strstr(line, " FETCH (") != NULL) {
		client->rows++;
		if (brace != NULL)
			literal_expect(client, number, (size_t)strtoul(brace + 1, NULL, 10));
		else if (client->step >= STEP_PARTIAL &&
			 client->partial_off < client->mail->len[number - 1])
			fail(client, "no literal: %.100s", line);
	}
}

static void byte_take(struct imap_client *client, uint8_t byte)
{
	if (client->expected != NULL && client->expected_off < client->expected_len) {
		if (client->expected[client->expected_off] != byte)
			fail(client, "step %u row %u: byte %zu differs", client->step, client->rows,
			     client->expected_off);
		client->expected_off++;
		return;
	}
	client->expected = NULL;
	if (byte == '\n') {
		if (client->line_len > 0 && client->line[client->line_len - 1] == '\r')
			client->line_len--;
		line_take(client);
		client->line_len = 0;
	} else if (client->line_len < sizeof(client->line) - 1) {
		client->line[client->line_len++] = (char)byte;
	} else {
		fail(client, "line of more than %zu bytes", client->line_len);
	}
}

static int client_open(struct stream_app *app, struct stream_transport *transport,
		       struct stream_ref ref, const struct stream_info *info,
		       struct stream_session **session_r)
{
	struct imap_client *client = (struct imap_client *)app;

	(void)transport;
	(void)ref;
	(void)info;
	client->session.ops = client->app.ops;
	*session_r = &client->session;
	return 0;
}

static size_t client_consume(struct stream_session *session, const struct span *in, unsigned in_n)
{
	struct imap_client *client = client_of(session);
	size_t taken = 0;

	for (unsigned k = 0; k < in_n; k++) {
		for (size_t i = 0; i < in[k].len && client->state != IMAP_CLIENT_FAILED; i++)
			byte_take(client, in[k].ptr[i]);
		taken += in[k].len;
	}
	return taken;
}

static struct stream_verdict client_produce(struct stream_session *session, struct stream_out *out,
					    const struct stream_budget *budget)
{
	struct imap_client *client = client_of(session);
	struct span rest = {(const uint8_t *)client->command + client->command_off,
			    client->command_len - client->command_off};

	(void)budget;
	if (client->state != IMAP_CLIENT_RUNNING)
		return (struct stream_verdict){STREAM_CLOSE, 0};
	client->command_off += stream_put(out, rest);
	if (client->command_off < client->command_len)
		return (struct stream_verdict){STREAM_MORE, 0};
	return (struct stream_verdict){STREAM_DONE, 0};
}

static void client_quiet(struct stream_session *session)
{
	(void)session;
}

static void client_end(struct stream_session *session)
{
	struct imap_client *client = client_of(session);

	if (client->state == IMAP_CLIENT_RUNNING)
		fail(client, "the server left at step %u", client->step);
}

void imap_client_lost(struct imap_client *client, enum stream_reason reason)
{
	client->ended_ns = client->clock->mono_ns;
	if (client->state != IMAP_CLIENT_RUNNING)
		return;
	fail(client, "over at step %u, reason %d", client->step, (int)reason);
	if (reason == STREAM_TIMEOUT || reason == STREAM_RESET)
		client->state = IMAP_CLIENT_LOST;
}

static void client_closed(struct stream_session **session, enum stream_reason reason)
{
	imap_client_lost(client_of(*session), reason);
	*session = NULL;
}

static const struct stream_app_ops client_ops = {
	.open = client_open,
	.consume = client_consume,
	.produce = client_produce,
	.expire = client_quiet,
	.drain = client_quiet,
	.end = client_end,
	.closed = client_closed,
};

void imap_client_create(struct imap_client *client, const struct imap_mail *mail,
			const struct clock *clock, uint64_t seed)
{
	memset(client, 0, sizeof(*client));
	client->app.ops = &client_ops;
	client->mail = mail;
	client->clock = clock;
	client->random = seed * 2 + 1;
	client->scratch = malloc(IMAP_MAIL_MESSAGE_BYTES_MAX);
	ASSERT(client->scratch != NULL);
}

void imap_client_destroy(struct imap_client *client)
{
	free(client->scratch);
}
