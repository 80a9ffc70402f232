/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT, STATUS, LIST, LSUB, SEARCH. */
#include "fixture.h"

#include <stdio.h>

static void test_select(void **state)
{
	struct fixture *fixture = *state;
	const char *out;

	fixture_login(fixture);
	out = fixture_talk(fixture, "a SELECT inbox\r\n");
	assert_has(out,
		   "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded Work)\r\n");
	assert_has(out, "* OK [PERMANENTFLAGS ()] ");
	assert_has(out, "* 40 EXISTS\r\n* 0 RECENT\r\n* OK [UNSEEN 4] ");
	assert_has(out, "* OK [UIDVALIDITY ");
	assert_has(out, "* OK [UIDNEXT 41] ");
	assert_has(out, "* OK [HIGHESTMODSEQ ");
	assert_has(out, "\r\na OK [READ-WRITE] ");
	assert_lacks(out, "CLOSED");
	out = fixture_talk(fixture, "b EXAMINE Sent\r\n");
	assert_has(out, "* OK [CLOSED] ");
	assert_has(out, "\r\nb OK [READ-ONLY] ");
	assert_has(out, "* 1 EXISTS\r\n");
	assert_lacks(out, "UNSEEN");
	/* A failed SELECT leaves nothing selected. */
	assert_has(fixture_talk(fixture, "c SELECT nowhere\r\n"), "c NO [NONEXISTENT] ");
	assert_has(fixture_talk(fixture, "d CHECK\r\n"), "d BAD ");
	assert_has(fixture_talk(fixture, "e SELECT Archive\r\n"), "e NO [CANNOT] ");
	assert_has(fixture_talk(fixture, "f SELECT gone/away\r\n"), "f NO [NONEXISTENT] ");
	assert_has(fixture_talk(fixture, "g SELECT ../INBOX\r\n"), "g NO [NONEXISTENT] ");
	assert_has(fixture_talk(fixture, "h SELECT \"Entw&APw-rfe &- \\\"more\\\"\"\r\n"), "h OK ");
	assert_has(fixture_talk(fixture, "i UNSELECT\r\nj CLOSE\r\n"), "i OK ");
	assert_has((const char *)fixture->fake.connections[0].out, "j BAD ");
	assert_has(fixture_talk(fixture, "k SELECT INBOX\r\nl CHECK\r\nm CLOSE\r\n"), "m OK ");
}

static void test_status(void **state)
{
	struct fixture *fixture = *state;

	fixture_login(fixture);
	assert_has(fixture_talk(fixture, "a STATUS inbox (MESSAGES UNSEEN RECENT UIDNEXT)\r\n"),
		   "* STATUS \"INBOX\" (MESSAGES 40 RECENT 0 UIDNEXT 41 UNSEEN 10)\r\na OK ");
	assert_has(fixture_talk(fixture, "b STATUS Sent (SIZE DELETED UIDVALIDITY)\r\n"),
		   " DELETED 0 SIZE 162)\r\nb OK ");
	assert_has(fixture_talk(fixture, "c STATUS Archive (SIZE)\r\n"), "c NO [CANNOT] ");
	assert_has(fixture_talk(fixture, "d STATUS nowhere (SIZE)\r\n"), "d NO [NONEXISTENT] ");
	assert_has(fixture_talk(fixture, "e STATUS Sent ()\r\n"), "e BAD ");
	assert_has(fixture_talk(fixture, "f STATUS Sent (COLOUR)\r\n"), "f BAD ");
}

static void assert_answer(struct fixture *fixture, const char *command, const char *rows)
{
	char line[256], expected[2048];

	snprintf(line, sizeof(line), "t %s\r\n", command);
	snprintf(expected, sizeof(expected), "%st OK Mailboxes listed\r\n", rows);
	assert_string_equal(fixture_talk(fixture, line), expected);
}

#define INBOX "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
#define ARCHIVE "* LIST (\\Noselect \\HasChildren) \"/\" \"Archive\"\r\n"
#define Y2024 "* LIST (\\Noselect \\HasChildren) \"/\" \"Archive/2024\"\r\n"
#define DRAFTS "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Entw&APw-rfe &- \\\"more\\\"\"\r\n"
#define LISTS "* LIST (\\Noselect \\HasChildren) \"/\" \"Lists\"\r\n"
#define SENT "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n"
#define LEAF(name) "* LIST (\\HasNoChildren) \"/\" \"" name "\"\r\n"

static void test_list(void **state)
{
	struct fixture *fixture = *state;

	fixture_login(fixture);
	assert_answer(fixture, "LIST \"\" *",
		      INBOX ARCHIVE Y2024 LEAF("Archive/2024/February") LEAF("Archive/2024/January")
			      DRAFTS LISTS LEAF("Lists/one") SENT);
	assert_answer(fixture, "LIST \"\" %", INBOX ARCHIVE DRAFTS LISTS SENT);
	assert_answer(fixture, "LIST Archive/ %", Y2024);
	assert_answer(fixture, "LIST \"\" %/%", Y2024 LEAF("Lists/one"));
	assert_answer(fixture, "LIST \"\" inbox", INBOX);
	assert_answer(fixture, "LIST \"\" iNb%", INBOX);
	assert_answer(fixture, "LIST \"\" \"Entw&APw-*\"", DRAFTS);
	assert_answer(fixture, "LIST \"\" \"&bad\"", "");
	assert_answer(fixture, "LIST \"\" \"\"", "* LIST (\\Noselect) \"/\" \"\"\r\n");
	assert_answer(fixture, "LIST \"\" (INBOX \"S*\")", INBOX SENT);
	assert_answer(fixture, "LIST (SPECIAL-USE) \"\" *", DRAFTS SENT);
	assert_answer(
		fixture, "LIST \"\" % RETURN (SUBSCRIBED CHILDREN)",
		"* LIST (\\HasNoChildren \\Subscribed) \"/\" \"INBOX\"\r\n" ARCHIVE DRAFTS LISTS
		"* LIST (\\HasNoChildren \\Subscribed \\Sent) \"/\" \"Sent\"\r\n");
	assert_answer(fixture, "LIST \"\" Sen% RETURN (STATUS (MESSAGES UIDNEXT))",
		      SENT "* STATUS \"Sent\" (MESSAGES 1 UIDNEXT 2)\r\n");
	assert_has(fixture_talk(fixture, "t LIST \"\"\r\n"), "t BAD ");
	assert_has(fixture_talk(fixture, "t LIST (NONSENSE) \"\" *\r\n"), "t BAD ");
	assert_has(fixture_talk(fixture, "t LIST (RECURSIVEMATCH) \"\" *\r\n"), "t BAD ");
	assert_has(fixture_talk(fixture, "t LIST \"\" * RETURN\r\n"), "t BAD ");
}

static void test_subscribed(void **state)
{
	struct fixture *fixture = *state;

	fixture_login(fixture);
	assert_answer(
		fixture, "LIST (SUBSCRIBED) \"\" *",
		"* LIST (\\HasNoChildren \\Subscribed) \"/\" \"INBOX\"\r\n"
		"* LIST (\\HasNoChildren \\Subscribed) \"/\" \"Archive/2024/January\"\r\n"
		"* LIST (\\HasNoChildren \\Subscribed) \"/\" \"Lists/one\"\r\n"
		"* LIST (\\HasNoChildren \\Subscribed \\Sent) \"/\" \"Sent\"\r\n"
		"* LIST (\\NonExistent \\HasNoChildren \\Subscribed) \"/\" \"gone/away\"\r\n");
	assert_answer(fixture, "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %",
		      "* LIST (\\HasNoChildren \\Subscribed) \"/\" \"INBOX\"\r\n"
		      "* LIST (\\Noselect \\HasChildren) \"/\" \"Archive\" "
		      "(\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
		      "* LIST (\\Noselect \\HasChildren) \"/\" \"Lists\" "
		      "(\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
		      "* LIST (\\HasNoChildren \\Subscribed \\Sent) \"/\" \"Sent\"\r\n"
		      "* LIST (\\NonExistent \\HasChildren) \"/\" \"gone\" "
		      "(\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n");
	assert_answer(fixture, "LSUB \"\" *",
		      "* LSUB () \"/\" \"INBOX\"\r\n* LSUB () \"/\" \"Archive/2024/January\"\r\n"
		      "* LSUB () \"/\" \"Lists/one\"\r\n* LSUB () \"/\" \"Sent\"\r\n"
		      "* LSUB () \"/\" \"gone/away\"\r\n");
	assert_answer(fixture, "LSUB \"\" %",
		      "* LSUB () \"/\" \"INBOX\"\r\n* LSUB (\\Noselect) \"/\" \"Archive\"\r\n"
		      "* LSUB (\\Noselect) \"/\" \"Lists\"\r\n* LSUB () \"/\" \"Sent\"\r\n"
		      "* LSUB (\\Noselect) \"/\" \"gone\"\r\n");
	assert_answer(fixture, "LSUB Archive %/%",
		      "* LSUB (\\Noselect) \"/\" \"Archive/2024\"\r\n");
}

static void assert_found(struct fixture *fixture, const char *keys, const char *numbers)
{
	char line[256], expected[512];

	snprintf(line, sizeof(line), "t %s\r\n", keys);
	snprintf(expected, sizeof(expected), "* SEARCH%s\r\nt OK SEARCH completed\r\n", numbers);
	assert_string_equal(fixture_talk(fixture, line), expected);
}

static void test_search(void **state)
{
	struct fixture *fixture = *state;

	fixture_select(fixture);
	assert_found(fixture, "SEARCH 1:3", " 1 2 3");
	assert_found(fixture, "UID SEARCH UID 38:* ALL", " 38 39 40");
	assert_found(fixture, "SEARCH UNSEEN 1:20", " 4 8 12 16 20");
	assert_found(fixture, "SEARCH DELETED", " 6");
	assert_found(fixture, "SEARCH KEYWORD work", " 6");
	assert_found(fixture, "SEARCH UNKEYWORD Work 5:7", " 5 7");
	assert_found(fixture, "SEARCH KEYWORD none", "");
	assert_found(fixture, "SEARCH NOT (SEEN) NOT 5:*", " 4");
	assert_found(fixture, "SEARCH OR 2 (OR 4 UID 9)", " 2 4 9");
	assert_found(fixture, "SEARCH LARGER 100000", " 3");
	assert_found(fixture, "SEARCH SMALLER 100", " 5");
	assert_found(fixture, "SEARCH ON 19-Nov-2026", " 1");
	assert_found(fixture, "SEARCH BEFORE \"21-Nov-2026\"", " 1 2");
	assert_found(fixture, "SEARCH SINCE 26-Dec-2026", " 38 39 40");
	assert_found(fixture, "SEARCH CHARSET utf-8 NEW", "");
	assert_has(fixture_talk(fixture, "t SEARCH NONSENSE\r\n"), "t BAD ");
	assert_has(fixture_talk(fixture, "t SEARCH\r\n"), "t BAD ");
	assert_has(fixture_talk(fixture, "t SEARCH (1 2\r\n"), "t BAD ");
	assert_has(fixture_talk(fixture, "t SEARCH ON 32-Nov-2026\r\n"), "t BAD ");
	assert_has(fixture_talk(fixture, "t SEARCH SUBJECT x\r\n"), "t NO [CANNOT] ");
	assert_has(fixture_talk(fixture, "t SEARCH CHARSET latin1 ALL\r\n"), "t NO [BADCHARSET ");
	assert_has(fixture_talk(fixture, "t SEARCH ((((((((((((((((((((1))))))))))))))))))))\r\n"),
		   "t NO [LIMIT] ");
}

/* A mailbox that takes more than one turn to look through, of which only the last is unseen. */
static void test_many_messages(void **state)
{
	enum { MANY = 10000 };
	struct fixture *fixture = *state;
	struct store_message message = {
		.bytes = span_of("Subject: one of many\r\n\r\n"),
		.date = {1795000000, 0},
		.system = STORE_SEEN,
	};
	struct store_import *import;
	struct store_error error;
	const char *out;
	int mailbox;

	assert_int_equal(store_import_open(fixture->store, fixture_account, &import, &error), 0);
	mailbox = store_import_mailbox(import, span_of("Many"), 0, &error);
	assert_true(mailbox >= 0);
	for (unsigned k = 1; k <= MANY; k++) {
		message.system = k < MANY ? STORE_SEEN : 0;
		assert_int_equal(store_import_message(import, (unsigned)mailbox, &message, &error),
				 1);
	}
	assert_int_equal(store_import_close(&import, &error), 0);
	fixture_engine_restart(fixture);
	fixture_login(fixture);
	assert_has(fixture_talk(fixture, "a SELECT Many\r\n"), "* OK [UNSEEN 10000] ");
	out = fixture_talk(fixture, "b SEARCH ALL\r\n");
	assert_has(out, "* SEARCH 1 2 3 ");
	assert_has(out, " 128 129 ");
	assert_has(out, " 9999 10000\r\nb OK ");
	assert_found(fixture, "SEARCH 1:* UNSEEN", " 10000");
}

/* More keys and patterns than a small block holds, and than are allowed. */
static void test_limits(void **state)
{
	struct fixture *fixture = *state;
	char command[8192];
	size_t len;

	fixture_select(fixture);
	for (unsigned n = 20; n <= 320; n += 100) {
		len = (size_t)snprintf(command, sizeof(command), "t SEARCH 7");
		for (unsigned k = 0; k < n; k++)
			len += (size_t)snprintf(command + len, sizeof(command) - len, " SEEN");
		snprintf(command + len, sizeof(command) - len, "\r\n");
		assert_has(fixture_talk(fixture, command),
			   n < 200 ? "* SEARCH 7\r\nt OK " : "t NO [LIMIT] ");
	}
	for (unsigned n = 1; n <= 17; n++) {
		len = (size_t)snprintf(command, sizeof(command), "t LIST \"\" (");
		for (unsigned k = 0; k < n; k++)
			len += (size_t)snprintf(command + len, sizeof(command) - len, "%s%0100u%%",
						k > 0 ? " " : "", k);
		snprintf(command + len, sizeof(command) - len, " INBOX)\r\n");
		assert_has(fixture_talk(fixture, command),
			   n < 16 ? "\"INBOX\"\r\nt OK " : "t NO [LIMIT] ");
	}
	/* Longer than any name: it matches none. */
	snprintf(command, sizeof(command), "t LIST \"\" \"%%%03000u\"\r\n", 1);
	assert_string_equal(fixture_talk(fixture, command), "t OK Mailboxes listed\r\n");
}

static void test_worker_queue_full(void **state)
{
	struct fixture *fixture = *state;
	struct fake_connection *connection = &fixture->fake.connections[0];

	fixture_login(fixture);
	fixture->fake.work.room = 0;
	fake_out_clear(&fixture->fake, 0);
	fake_send(&fixture->fake, 0, span_of("a SELECT INBOX\r\n"));
	fake_turns(&fixture->fake, 5);
	assert_int_equal(connection->out_len, 0);
	assert_int_equal(connection->state, STREAM_MORE);
	fixture->fake.work.room = MOCK_WORK_MAX;
	assert_has(fixture_talk(fixture, ""), "a OK ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_select), TEST(test_status),
		TEST(test_list),   TEST(test_subscribed),
		TEST(test_search), TEST(test_many_messages),
		TEST(test_limits), TEST(test_worker_queue_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
