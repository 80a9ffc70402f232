/* SPDX-License-Identifier: Apache-2.0 */
/* Greeting, login, states, framing, timers, the end: everything but mail. */
#include "fixture.h"

#include <stdio.h>

static void test_greeting_and_capability(void **state)
{
	struct fixture *fixture = *state;
	const char *out;

	fixture_connect(fixture);
	out = fixture_talk(fixture, "a1 CAPABILITY\r\n");
	assert_has(out, "* CAPABILITY IMAP4rev1 ");
	assert_has(out, " AUTH=PLAIN\r\n");
	assert_has(out, "\r\na1 OK ");
	assert_lacks(out, "NAMESPACE");
	assert_has(fixture_talk(fixture, "a2 LOGIN user \"pass word\"\r\n"),
		   "a2 OK [CAPABILITY IMAP4rev1 ");
	assert_has(fixture_talk(fixture, "a3 capability\r\n"), " NAMESPACE ");
}

static void test_no_plaintext(void **state)
{
	struct fixture *fixture = *state;
	const char *out;

	fixture->config.plaintext_login = false;
	fixture_engine_restart(fixture);
	fixture_connect(fixture);
	assert_has(fixture_talk(fixture, "a CAPABILITY\r\n"), " LOGINDISABLED\r\n");
	assert_has(fixture_talk(fixture, "b LOGIN user \"pass word\"\r\n"),
		   "b NO [PRIVACYREQUIRED] ");
	assert_has(fixture_talk(fixture, "c AUTHENTICATE PLAIN AHVzZXIAcGFzcyB3b3Jk\r\n"),
		   "c NO [PRIVACYREQUIRED] ");
	assert_int_equal(fixture->verified, 0);
	assert_int_equal(fake_open(&fixture->fake, 1, true), 0);
	fake_send(&fixture->fake, 1, span_of("d LOGIN user \"pass word\"\r\n"));
	fake_run(&fixture->fake, true);
	out = (const char *)fixture->fake.connections[1].out;
	assert_has(out, "AUTH=PLAIN");
	assert_has(out, "d OK ");
}

static void test_authenticate(void **state)
{
	struct fixture *fixture = *state;

	fixture_connect(fixture);
	assert_string_equal(fixture_talk(fixture, "a AUTHENTICATE PLAIN\r\n"), "+ \r\n");
	assert_has(fixture_talk(fixture, "*\r\n"), "a BAD ");
	assert_has(fixture_talk(fixture, "b AUTHENTICATE SCRAM-SHA-1\r\n"), "b NO [CANNOT] ");
	assert_has(fixture_talk(fixture, "c AUTHENTICATE PLAIN !!\r\n"), "c BAD ");
	assert_has(fixture_talk(fixture, "d AUTHENTICATE PLAIN =\r\n"), "d BAD ");
	/* "other" may not act for "user". */
	assert_has(fixture_talk(fixture, "e AUTHENTICATE PLAIN b3RoZXIAdXNlcgBwYXNzIHdvcmQ=\r\n"),
		   "e NO [AUTHORIZATIONFAILED] ");
	assert_string_equal(fixture_talk(fixture, "f AUTHENTICATE PLAIN\r\n"), "+ \r\n");
	assert_has(fixture_talk(fixture, "AHVzZXIAcGFzcyB3b3Jk\r\n"), "f OK [CAPABILITY ");
	assert_has(fixture_talk(fixture, "g LOGIN a b\r\n"), "g BAD ");
}

static void test_initial_response(void **state)
{
	struct fixture *fixture = *state;

	fixture_connect(fixture);
	assert_has(fixture_talk(fixture, "a authenticate plain AHVzZXIAcGFzcyB3b3Jk\r\n"), "a OK ");
}

static void test_failures_slow_down(void **state)
{
	struct fixture *fixture = *state;
	char command[64];
	unsigned wait_ms = 1000;

	fixture_connect(fixture);
	for (unsigned k = 0; k < 4; k++, wait_ms *= 2) {
		snprintf(command, sizeof(command), "t%u LOGIN user wrong\r\n", k);
		assert_string_equal(fixture_talk(fixture, command), "");
		/* From the fourth failure on the source waits before it is heard, too. */
		fake_wait_ms(&fixture->fake, wait_ms - 1);
		assert_string_equal(fixture_talk(fixture, ""), "");
		fake_wait_ms(&fixture->fake, 2);
		snprintf(command, sizeof(command), "t%u NO [AUTHENTICATIONFAILED]", k);
		assert_has((const char *)fixture->fake.connections[0].out, command);
	}
	assert_int_equal(fixture->verified, 4);
	fixture_talk(fixture, "x LOGIN user wrong\r\n");
	assert_int_equal(fixture->verified, 4);
	fake_wait_ms(&fixture->fake, 1001);
	assert_int_equal(fixture->verified, 5);
	fake_wait_ms(&fixture->fake, 16001);
	assert_has((const char *)fixture->fake.connections[0].out, "x NO ");
	assert_has((const char *)fixture->fake.connections[0].out, "* BYE ");
	assert_int_equal(fixture->fake.connections[0].state, STREAM_CLOSE);
}

static void test_helper_dead(void **state)
{
	struct fixture *fixture = *state;

	fixture->unavailable = AUTH_UNAVAILABLE;
	fixture_connect(fixture);
	assert_has(fixture_talk(fixture, "a LOGIN user \"pass word\"\r\n"), "a NO [UNAVAILABLE] ");
	fixture->unavailable = 0;
	assert_has(fixture_talk(fixture, "b LOGIN user \"pass word\"\r\n"), "b OK ");
}

/* The client is gone before its login is answered: the block must come home. */
static void test_login_outlives_client(void **state)
{
	struct fixture *fixture = *state;

	fixture_connect(fixture);
	fake_send(&fixture->fake, 0, span_of("a LOGIN user \"pass word\"\r\n"));
	fake_run(&fixture->fake, false);
	assert_int_equal(fixture->fake.connections[0].state, STREAM_WAIT);
	fake_close(&fixture->fake, 0);
	/* Another connection in its place must not be taken for it. */
	assert_int_equal(fake_open(&fixture->fake, 0, false), 0);
	fake_run(&fixture->fake, true);
	assert_has(fixture_talk(fixture, "b SELECT INBOX\r\n"), "b BAD ");
}

static void test_states(void **state)
{
	struct fixture *fixture = *state;

	fixture_connect(fixture);
	assert_has(fixture_talk(fixture, "a SELECT INBOX\r\n"), "a BAD Log in");
	assert_has(fixture_talk(fixture, "b FETCH 1 FLAGS\r\n"), "b BAD Log in");
	assert_has(fixture_talk(fixture, "c NONSENSE\r\n"), "c BAD ");
	assert_has(fixture_talk(fixture, "d UID NOOP\r\n"), "d BAD ");
	assert_has(fixture_talk(fixture, "\r\n"), "* BAD ");
	assert_has(fixture_talk(fixture, "+x NOOP\r\n"), "* BAD ");
	assert_has(fixture_talk(fixture, "e noop\r\n"), "e OK ");
	assert_has(fixture_talk(fixture, "f noop x\r\n"), "f BAD ");
	assert_has(fixture_talk(fixture, "g LOGIN user \"pass word\"\r\n"), "g OK ");
	assert_has(fixture_talk(fixture, "h FETCH 1 FLAGS\r\n"), "h BAD Select");
	assert_has(fixture_talk(fixture, "i CLOSE\r\n"), "i BAD ");
	assert_has(fixture_talk(fixture, "j ID (\"name\" \"x\" \"version\" NIL)\r\n"), "* ID (");
	assert_has(fixture_talk(fixture, "k ID NIL\r\n"), "k OK ");
	assert_has(fixture_talk(fixture, "l ENABLE CONDSTORE X-THING\r\n"), "* ENABLED\r\nl OK ");
	assert_has(fixture_talk(fixture, "m NAMESPACE\r\n"),
		   "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\nm OK ");
	assert_has(fixture_talk(fixture, "n LOGOUT\r\n"), "* BYE ");
	assert_has((const char *)fixture->fake.connections[0].out, "\r\nn OK ");
	assert_int_equal(fixture->fake.connections[0].state, STREAM_CLOSE);
}

static void test_bad_before_login(void **state)
{
	struct fixture *fixture = *state;

	fixture_connect(fixture);
	for (unsigned k = 0; k < 9; k++)
		assert_lacks(fixture_talk(fixture, "GET / HTTP/1.1\r\n"), "BYE");
	assert_has(fixture_talk(fixture, "GET / HTTP/1.1\r\n"), "* BYE ");
	assert_int_equal(fixture->fake.connections[0].state, STREAM_CLOSE);
}

static void test_literals(void **state)
{
	struct fixture *fixture = *state;

	fixture_connect(fixture);
	assert_string_equal(fixture_talk(fixture, "a LOGIN {4}\r\n"), "+ OK\r\n");
	assert_string_equal(fixture_talk(fixture, "user {9}\r\n"), "+ OK\r\n");
	assert_has(fixture_talk(fixture, "pass word\r\n"), "a OK ");
	assert_has(fixture_talk(fixture, "b SELECT {5+}\r\nINBOX\r\n"), "b OK ");
	/* Refused before it is sent; the next line is a command again. */
	assert_has(fixture_talk(fixture, "c APPEND INBOX {100}\r\n"), "c NO [CANNOT] ");
	assert_has(fixture_talk(fixture, "d NOOP\r\n"), "d OK ");
	/* Sent without asking: passed over, command lines in it and all. */
	assert_string_equal(fixture_talk(fixture, "e APPEND INBOX (\\Seen) {14+}\r\nx NO"), "");
	assert_has(fixture_talk(fixture, "OP\r\nabcdef\r\nf NOOP\r\n"), "e NO [CANNOT] ");
	assert_has((const char *)fixture->fake.connections[0].out, "f OK ");
	assert_lacks((const char *)fixture->fake.connections[0].out, "x ");
	assert_has(fixture_talk(fixture, "g LIST \"\" {70000}\r\n"), "g BAD [TOOBIG] ");
	assert_has(fixture_talk(fixture, "h NOOP\r\n"), "h OK ");
	assert_has(fixture_talk(fixture, "i NOPE {3}\r\n"), "i BAD ");
}

/* A line without end is bounded; what follows it is understood again. */
static void test_long_lines(void **state)
{
	struct fixture *fixture = *state;
	char *line = malloc(100001);

	assert_non_null(line);
	memset(line, 'x', 100000);
	line[100000] = '\0';
	memcpy(line, "a LOGIN ", 8);
	fixture_connect(fixture);
	assert_string_equal(fixture_talk(fixture, line), "");
	assert_has(fixture_talk(fixture, " y\r\nb NOOP\r\n"), "a BAD [TOOBIG] ");
	assert_has((const char *)fixture->fake.connections[0].out, "b OK ");
	assert_has(fixture_talk(fixture, "l LOGIN user \"pass word\"\r\n"), "l OK ");
	memcpy(line, "c LIST \"", 8);
	assert_string_equal(fixture_talk(fixture, line), "");
	assert_has(fixture_talk(fixture, "\" y\r\nd NOOP\r\n"), "c BAD [TOOBIG] ");
	assert_has((const char *)fixture->fake.connections[0].out, "d OK ");
	/* What is long but allowed is read. */
	line[60000] = '\0';
	memcpy(line, "e STATUS ", 9);
	assert_string_equal(fixture_talk(fixture, line), "");
	assert_has(fixture_talk(fixture, " (SIZE)\r\n"), "e NO [NONEXISTENT] ");
	free(line);
}

/* Two buffers for long half commands: the third client is told so, the others go on. */
static void test_buffers_run_out(void **state)
{
	struct fixture *fixture = *state;
	struct fake_transport *fake = &fixture->fake;
	char line[6000];

	memset(line, 'x', sizeof(line));
	memcpy(line, "a STATUS ", 9);
	for (unsigned k = 0; k < 3; k++) {
		assert_int_equal(fake_open(fake, k, false), 0);
		fake_send(fake, k, span_of("l LOGIN user \"pass word\"\r\n"));
		fake_run(fake, true);
		fake_send(fake, k, (struct span){(const uint8_t *)line, sizeof(line)});
		fake_run(fake, true);
	}
	for (unsigned k = 0; k < 3; k++) {
		fake_send(fake, k, span_of(" (SIZE)\r\nb NOOP\r\n"));
		fake_run(fake, true);
		assert_has((const char *)fake->connections[k].out,
			   k < 2 ? "\r\na NO [NONEXISTENT] " : "\r\na NO [LIMIT] ");
		assert_has((const char *)fake->connections[k].out, "b OK ");
	}
}

static void test_sessions_run_out(void **state)
{
	struct fixture *fixture = *state;
	struct session_stats stats;

	for (unsigned k = 0; k < 32; k++)
		assert_int_equal(fake_open(&fixture->fake, k, false), 0);
	assert_true(fake_open(&fixture->fake, 32, false) < 0);
	fake_close(&fixture->fake, 3);
	assert_int_equal(fake_open(&fixture->fake, 33, false), 0);
	session_engine_stats(fixture->engine, &stats);
	assert_int_equal(stats.sessions, 32);
	assert_int_equal(stats.sessions_refused, 1);
}

static void test_login_timeout(void **state)
{
	struct fixture *fixture = *state;

	fixture_connect(fixture);
	fake_wait_ms(&fixture->fake, 30000);
	fixture_talk(fixture, "a NOOP\r\n");
	/* Commands do not buy time before login. */
	fake_wait_ms(&fixture->fake, 30001);
	assert_has((const char *)fixture->fake.connections[0].out, "* BYE ");
	assert_int_equal(fixture->fake.connections[0].state, STREAM_CLOSE);
	/* A peer that does not take even that is cut off. */
	fake_wait_ms(&fixture->fake, 31000);
	assert_null(fixture->fake.connections[0].session);
}

static void test_idle_timeout(void **state)
{
	struct fixture *fixture = *state;

	fixture_login(fixture);
	fake_wait_ms(&fixture->fake, 1700 * 1000);
	assert_has(fixture_talk(fixture, "a IDLE\r\n"), "+ idling\r\n");
	fake_wait_ms(&fixture->fake, 1790 * 1000);
	assert_string_equal((const char *)fixture->fake.connections[0].out, "+ idling\r\n");
	fake_wait_ms(&fixture->fake, 20 * 1000);
	assert_has((const char *)fixture->fake.connections[0].out, "* BYE ");
	assert_int_equal(fixture->fake.connections[0].state, STREAM_CLOSE);
}

static void test_idle(void **state)
{
	struct fixture *fixture = *state;

	fixture_select(fixture);
	assert_string_equal(fixture_talk(fixture, "a IDLE\r\n"), "+ idling\r\n");
	assert_string_equal(fixture_talk(fixture, "DO"), "");
	assert_has(fixture_talk(fixture, "ne\r\nb NOOP\r\n"), "a OK IDLE");
	assert_has((const char *)fixture->fake.connections[0].out, "b OK ");
	fixture_talk(fixture, "c IDLE\r\n");
	assert_has(fixture_talk(fixture, "d NOOP\r\n"), "c BAD ");
	fixture_talk(fixture, "e IDLE\r\n");
	assert_has(fixture_talk(fixture, "x {3}\r\n"), "e BAD ");
	assert_has(fixture_talk(fixture, "f NOOP\r\n"), "f OK ");
}

static void test_drain(void **state)
{
	struct fixture *fixture = *state;
	struct fake_connection *connection = &fixture->fake.connections[0];

	fixture_login(fixture);
	fixture_talk(fixture, "a IDLE\r\n");
	connection->session->ops->drain(connection->session);
	connection->runnable = true;
	fake_run(&fixture->fake, true);
	assert_has((const char *)connection->out, "* BYE [UNAVAILABLE] ");
	assert_int_equal(connection->state, STREAM_CLOSE);
}

/* Everything sent before the end is answered, then the connection closes. */
static void test_end(void **state)
{
	struct fixture *fixture = *state;
	struct fake_connection *connection = &fixture->fake.connections[0];

	fixture_login(fixture);
	fake_send(&fixture->fake, 0, span_of("a NOOP\r\nb STATUS INBOX (MESSAGES)\r\nc NOOP\r\nd"));
	fake_end(&fixture->fake, 0);
	fake_run(&fixture->fake, true);
	assert_has((const char *)connection->out, "a OK ");
	assert_has((const char *)connection->out, "* STATUS \"INBOX\" (MESSAGES 40)\r\nb OK ");
	assert_has((const char *)connection->out, "c OK ");
	assert_int_equal(connection->state, STREAM_CLOSE);
}

static void test_changes_are_refused(void **state)
{
	static const char *const commands[] = {
		"CREATE new",
		"CREATE new (USE (\\Drafts))",
		"DELETE Sent",
		"RENAME a b",
		"SUBSCRIBE Sent",
		"UNSUBSCRIBE Sent",
		"STORE 1 +FLAGS (\\Seen)",
		"STORE 1:* -FLAGS.SILENT \\Seen $Work",
		"UID STORE 1,3 FLAGS ()",
		"COPY 1:2 Sent",
		"UID COPY 1 Sent",
		"MOVE 1 Sent",
		"UID MOVE * Sent",
		"EXPUNGE",
		"UID EXPUNGE 1:5",
	};
	static const char *const wrong[] = {
		"CREATE", "DELETE a b", "RENAME a",    "STORE 1 FLUGS ()", "STORE x FLAGS ()",
		"COPY 1", "EXPUNGE 1",	"UID EXPUNGE", "APPEND INBOX",	   "STORE 1 FLAGS (\\Seen",
	};
	struct fixture *fixture = *state;
	char command[24000] = "t STORE 1";

	fixture_select(fixture);
	/* A set that is longer than anybody keeps. */
	for (size_t k = 9; k < 20000; k += 6)
		snprintf(command + k, sizeof(command) - k, ",%05zu", 10000 + k % 80000 / 2 * 2);
	snprintf(command + strlen(command), 16, " FLAGS ()\r\n");
	assert_has(fixture_talk(fixture, command), "t NO [CANNOT] ");
	for (unsigned k = 0; k < sizeof(commands) / sizeof(commands[0]); k++) {
		snprintf(command, sizeof(command), "t %s\r\n", commands[k]);
		assert_has(fixture_talk(fixture, command), "t NO [CANNOT] ");
	}
	for (unsigned k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++) {
		snprintf(command, sizeof(command), "t %s\r\n", wrong[k]);
		assert_has(fixture_talk(fixture, command), "t BAD ");
	}
}

static void test_config_is_checked(void **state)
{
	struct fixture *fixture = *state;
	const struct session_env env = {.store = fixture->store};
	struct session_engine *engine;
	struct session_config config = fixture->config;

	config.greeting = "two\r\nlines";
	assert_true(session_engine_create(&config, &env, &engine) < 0);
	config = fixture->config;
	config.sessions_max = 0;
	assert_true(session_engine_create(&config, &env, &engine) < 0);
	config = fixture->config;
	config.command_bytes_max = 100;
	assert_true(session_engine_create(&config, &env, &engine) < 0);
	assert_null(engine);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_greeting_and_capability),
		TEST(test_no_plaintext),
		TEST(test_authenticate),
		TEST(test_initial_response),
		TEST(test_failures_slow_down),
		TEST(test_helper_dead),
		TEST(test_login_outlives_client),
		TEST(test_states),
		TEST(test_bad_before_login),
		TEST(test_literals),
		TEST(test_long_lines),
		TEST(test_buffers_run_out),
		TEST(test_sessions_run_out),
		TEST(test_login_timeout),
		TEST(test_idle_timeout),
		TEST(test_idle),
		TEST(test_drain),
		TEST(test_end),
		TEST(test_changes_are_refused),
		TEST(test_config_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
