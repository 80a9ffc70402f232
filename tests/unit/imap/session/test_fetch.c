/* SPDX-License-Identifier: Apache-2.0 */
/* Every item of FETCH, against answers written down by hand. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* Sends "t UID FETCH <what>" and compares all that comes back but the tagged line. */
static void assert_row(struct fixture *fixture, const char *what, const char *row)
{
	char command[4096];
	char expected[16384];

	snprintf(command, sizeof(command), "t FETCH %s\r\n", what);
	snprintf(expected, sizeof(expected), "%st OK FETCH completed\r\n", row);
	assert_string_equal(fixture_talk(fixture, command), expected);
}

static void test_index_items(void **state)
{
	struct fixture *fixture = *state;

	fixture_select(fixture);
	assert_row(fixture, "1 UID", "* 1 FETCH (UID 1)\r\n");
	assert_row(fixture, "1 (uid)", "* 1 FETCH (UID 1)\r\n");
	assert_row(fixture, "4 FLAGS", "* 4 FETCH (FLAGS ())\r\n");
	assert_row(fixture, "1 (FLAGS RFC822.SIZE INTERNALDATE)",
		   "* 1 FETCH (FLAGS (\\Seen) RFC822.SIZE 162 INTERNALDATE "
		   "\"19-Nov-2026 12:06:40 +0100\")\r\n");
	assert_row(fixture, "6 FLAGS",
		   "* 6 FETCH (FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded "
		   "Work))\r\n");
	assert_row(fixture, "1 FAST",
		   "* 1 FETCH (FLAGS (\\Seen) INTERNALDATE \"19-Nov-2026 12:06:40 +0100\" "
		   "RFC822.SIZE 162)\r\n");
	assert_row(fixture, "2,4:5 UID",
		   "* 2 FETCH (UID 2)\r\n* 4 FETCH (UID 4)\r\n* 5 FETCH (UID 5)\r\n");
	assert_row(fixture, "*:39 UID", "* 39 FETCH (UID 39)\r\n* 40 FETCH (UID 40)\r\n");
	assert_has(fixture_talk(fixture, "u UID FETCH 2 FLAGS\r\n"),
		   "* 2 FETCH (UID 2 FLAGS (\\Seen))\r\nu OK ");
	assert_has(fixture_talk(fixture, "u UID FETCH 2 (FLAGS UID)\r\n"),
		   "* 2 FETCH (FLAGS (\\Seen) UID 2)\r\nu OK ");
	assert_has(fixture_talk(fixture, "u UID FETCH 4000:* UID\r\n"),
		   "* 40 FETCH (UID 40)\r\nu OK ");
	assert_string_equal(fixture_talk(fixture, "u UID FETCH 41:50 UID\r\n"),
			    "u OK FETCH completed\r\n");
}

static void test_envelope_and_structure(void **state)
{
	struct fixture *fixture = *state;
	const char *envelope =
		"ENVELOPE (\"Tue, 24 Nov 2026 05:00:00 +0000\" \"plain\" "
		"((\"Ann\" NIL \"ann\" \"example.org\")) ((\"Ann\" NIL \"ann\" \"example.org\")) "
		"((\"Ann\" NIL \"ann\" \"example.org\")) ((NIL NIL \"bob\" \"example.com\")) "
		"NIL NIL NIL \"<1@example.org>\")";
	const char *body =
		"BODY (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 14 2)";
	char row[1024];

	fixture_select(fixture);
	snprintf(row, sizeof(row), "* 1 FETCH (%s %s)\r\n", envelope, body);
	assert_row(fixture, "1 (ENVELOPE BODY)", row);
	snprintf(row, sizeof(row),
		 "* 1 FETCH (FLAGS (\\Seen) INTERNALDATE \"19-Nov-2026 12:06:40 +0100\" "
		 "RFC822.SIZE 162 %s)\r\n",
		 envelope);
	assert_row(fixture, "1 ALL", row);
	assert_has(fixture_talk(fixture, "t FETCH 1 FULL\r\n"), body);
	assert_row(
		fixture, "1 BODYSTRUCTURE",
		"* 1 FETCH (BODYSTRUCTURE (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL "
		"\"7bit\" 14 2 NIL NIL NIL NIL))\r\n");
	assert_has(fixture_talk(fixture, "t FETCH 2 BODYSTRUCTURE\r\n"), "\"alternative\"");
}

static void test_header_fields(void **state)
{
	struct fixture *fixture = *state;

	fixture_select(fixture);
	assert_row(fixture, "1 BODY.PEEK[HEADER.FIELDS (Subject FROM x-odd None)]",
		   "* 1 FETCH (BODY[HEADER.FIELDS (Subject FROM x-odd None)] {59}\r\n"
		   "From: Ann <ann@example.org>\r\nSubject: plain\r\nX-Odd: one\r\n\r\n)\r\n");
	assert_row(fixture, "1 body[header.fields (none)]",
		   "* 1 FETCH (BODY[header.fields (none)] {2}\r\n\r\n)\r\n");
	assert_row(fixture, "1 BODY[HEADER.FIELDS.NOT (From To Date Message-ID \"X-Odd\")]",
		   "* 1 FETCH (BODY[HEADER.FIELDS.NOT (From To Date Message-ID \"X-Odd\")] {18}\r\n"
		   "Subject: plain\r\n\r\n)\r\n");
	assert_row(fixture, "1 BODY[HEADER.FIELDS (Subject)]<3.6>",
		   "* 1 FETCH (BODY[HEADER.FIELDS (Subject)]<3> {6}\r\nject: )\r\n");
	assert_row(fixture, "1 BODY[HEADER.FIELDS (Subject)]<16.6>",
		   "* 1 FETCH (BODY[HEADER.FIELDS (Subject)]<16> {2}\r\n\r\n)\r\n");
	assert_row(fixture, "1 BODY[HEADER.FIELDS (Subject)]<100.6>",
		   "* 1 FETCH (BODY[HEADER.FIELDS (Subject)]<100> {0}\r\n)\r\n");
	/* A literal in the list is not echoed as one. */
	assert_row(fixture, "1 BODY[HEADER.FIELDS ({7+}\r\nSubject To)]",
		   "* 1 FETCH (BODY[HEADER.FIELDS (\"Subject\" \"To\")] {39}\r\n"
		   "To: bob@example.com\r\nSubject: plain\r\n\r\n)\r\n");
	assert_row(
		fixture, "2 BODY[4.HEADER.FIELDS (Subject)]",
		"* 2 FETCH (BODY[4.HEADER.FIELDS (Subject)] {18}\r\nSubject: inner\r\n\r\n)\r\n");
	assert_row(fixture, "2 BODY[1.HEADER.FIELDS (Subject)]",
		   "* 2 FETCH (BODY[1.HEADER.FIELDS (Subject)] NIL)\r\n");
}

static void test_sections(void **state)
{
	struct fixture *fixture = *state;
	char row[4096];
	struct span message;

	fixture_select(fixture);
	message = fixture_message(fixture, FIXTURE_PLAIN);
	snprintf(row, sizeof(row), "* 1 FETCH (BODY[] {%zu}\r\n%.*s)\r\n", message.len,
		 (int)message.len, (const char *)message.ptr);
	assert_row(fixture, "1 BODY[]", row);
	assert_row(fixture, "1 BODY.PEEK[]", row);
	snprintf(row, sizeof(row), "* 1 FETCH (RFC822 {%zu}\r\n%.*s)\r\n", message.len,
		 (int)message.len, (const char *)message.ptr);
	assert_row(fixture, "1 RFC822", row);
	assert_row(fixture, "1 BODY[TEXT]",
		   "* 1 FETCH (BODY[TEXT] {14}\r\nHello\r\nWorld\r\n)\r\n");
	assert_row(fixture, "1 (BODY[1] rfc822.text)",
		   "* 1 FETCH (BODY[1] {14}\r\nHello\r\nWorld\r\n RFC822.TEXT {14}\r\n"
		   "Hello\r\nWorld\r\n)\r\n");
	assert_row(fixture, "1 BODY[TEXT]<3.4>", "* 1 FETCH (BODY[TEXT]<3> {4}\r\nlo\r\n)\r\n");
	assert_row(fixture, "1 BODY[]<159.100>", "* 1 FETCH (BODY[]<159> {3}\r\nd\r\n)\r\n");
	assert_row(fixture, "1 BODY[2]", "* 1 FETCH (BODY[2] NIL)\r\n");
	assert_row(fixture, "2 BODY[1]", "* 2 FETCH (BODY[1] {10}\r\nfirst part)\r\n");
	assert_row(fixture, "2 BODY[2]", "* 2 FETCH (BODY[2] {18}\r\nAAECAwQF\r\nBgcICQ==)\r\n");
	assert_row(fixture, "2 BODY[1.MIME]",
		   "* 2 FETCH (BODY[1.MIME] {28}\r\nContent-Type: text/plain\r\n\r\n)\r\n");
	assert_row(fixture, "2 BODY[4.1]", "* 2 FETCH (BODY[4.1] {10}\r\ninner text)\r\n");
	assert_row(fixture, "2 BODY[4.2.MIME]",
		   "* 2 FETCH (BODY[4.2.MIME] {27}\r\nContent-Type: text/html\r\n\r\n)\r\n");
	assert_row(fixture, "2 BODY[4.HEADER]",
		   "* 2 FETCH (BODY[4.HEADER] {68}\r\nSubject: inner\r\n"
		   "Content-Type: multipart/alternative; boundary=yy\r\n\r\n)\r\n");
	assert_row(fixture, "2 (BODY[1.HEADER] BODY[9.9])",
		   "* 2 FETCH (BODY[1.HEADER] NIL BODY[9.9] NIL)\r\n");
}

static void test_binary(void **state)
{
	struct fixture *fixture = *state;
	static const char decoded[] = "* 2 FETCH (BINARY[2] ~{10}\r\n"
				      "\0\1\2\3\4\5\6\7\10\11)\r\nt OK FETCH completed\r\n";
	struct fake_connection *connection = &fixture->fake.connections[0];

	fixture_select(fixture);
	fixture_talk(fixture, "t FETCH 2 BINARY[2]\r\n");
	assert_int_equal(connection->out_len, sizeof(decoded) - 1);
	assert_memory_equal(connection->out, decoded, sizeof(decoded) - 1);
	assert_row(fixture, "2 BINARY.PEEK[3]",
		   "* 2 FETCH (BINARY[3] ~{9}\r\ncaf\xc3\xa9 end)\r\n");
	assert_row(fixture, "2 BINARY.PEEK[3]<2.5>",
		   "* 2 FETCH (BINARY[3]<2> ~{5}\r\nf\xc3\xa9 e)\r\n");
	assert_row(fixture, "2 BINARY[1]<6.100>", "* 2 FETCH (BINARY[1]<6> {4}\r\npart)\r\n");
	assert_row(fixture, "2 (BINARY.SIZE[2] BINARY.SIZE[3] BINARY.SIZE[1])",
		   "* 2 FETCH (BINARY.SIZE[2] 10 BINARY.SIZE[3] 9 BINARY.SIZE[1] 10)\r\n");
	assert_row(fixture, "2 (BINARY[7] BINARY.SIZE[7])",
		   "* 2 FETCH (BINARY[7] NIL BINARY.SIZE[7] 0)\r\n");
	/* The others are answered, and the whole says no (RFC 3516 section 4.3). */
	assert_string_equal(fixture_talk(fixture, "t FETCH 5:6 (UID BINARY.SIZE[1])\r\n"),
			    "* 6 FETCH (UID 6 BINARY.SIZE[1] 152)\r\n"
			    "t NO [UNKNOWN-CTE] A part's transfer encoding is unknown\r\n");
	assert_has(fixture_talk(fixture, "t FETCH 5 BINARY[1]\r\n"), "t NO [UNKNOWN-CTE] ");
	assert_has(fixture_talk(fixture, "t FETCH 5 BODY[1]\r\n"), "uryyb");
}

static void test_long_answers(void **state)
{
	struct fixture *fixture = *state;
	const struct fake_connection *connection = &fixture->fake.connections[0];
	struct span large = fixture_message(fixture, FIXTURE_LARGE);
	struct span headers = fixture_message(fixture, FIXTURE_HEADERS);
	struct span text = headers;
	char head[64];

	fixture_select(fixture);
	fixture_talk(fixture, "t FETCH 3 BODY[]\r\n");
	snprintf(head, sizeof(head), "* 3 FETCH (BODY[] {%zu}\r\n", large.len);
	assert_memory_equal(connection->out, head, strlen(head));
	assert_memory_equal(connection->out + strlen(head), large.ptr, large.len);
	assert_string_equal(connection->out + strlen(head) + large.len,
			    ")\r\nt OK FETCH completed\r\n");
	fixture_talk(fixture, "t FETCH 3 BODY[]<100001.50000>\r\n");
	snprintf(head, sizeof(head), "* 3 FETCH (BODY[]<100001> {50000}\r\n");
	assert_memory_equal(connection->out, head, strlen(head));
	assert_memory_equal(connection->out + strlen(head), large.ptr + 100001, 50000);
	fixture_talk(fixture, "t FETCH 4 BODY[HEADER.FIELDS.NOT (Subject)]\r\n");
	/* All of the header but two fields that stand together: 8 bytes of body are behind it. */
	text.ptr = memmem(headers.ptr, headers.len, "subject: folded", 15);
	assert_non_null(text.ptr);
	text.len = headers.len - (size_t)(text.ptr - headers.ptr);
	text.len = (size_t)((const uint8_t *)memmem(text.ptr, text.len, "To: ", 4) - text.ptr);
	snprintf(head, sizeof(head), "* 4 FETCH (BODY[HEADER.FIELDS.NOT (Subject)] {%zu}\r\n",
		 headers.len - text.len - 6);
	assert_memory_equal(connection->out, head, strlen(head));
	assert_memory_equal(connection->out + strlen(head), headers.ptr,
			    (size_t)(text.ptr - headers.ptr));
	assert_has(fixture_talk(fixture, "t FETCH 4 BODY[HEADER.FIELDS (subject)]\r\n"),
		   "{52}\r\nsubject: folded\r\n  twice\r\n\tor so\r\nSUBJECT: again\r\n\r\n)");
}

/* As many runs as a short row may have, one fewer and some more. */
static void test_many_runs(void **state)
{
	struct fixture *fixture = *state;
	char names[2048], fields[4096], row[8192], command[4096];

	fixture_select(fixture);
	for (unsigned n = 60; n <= 70; n++) {
		size_t names_len = 0, fields_len = 0;

		for (unsigned k = 0; k < n; k++) {
			names_len += (size_t)snprintf(names + names_len, sizeof(names) - names_len,
						      "%sX-Hop-%u", k > 0 ? " " : "", k);
			fields_len +=
				(size_t)snprintf(fields + fields_len, sizeof(fields) - fields_len,
						 "X-Hop-%u: %u\r\n", k, k);
		}
		snprintf(command, sizeof(command), "4 BODY[HEADER.FIELDS (%s)]", names);
		snprintf(row, sizeof(row),
			 "* 4 FETCH (BODY[HEADER.FIELDS (%s)] {%zu}\r\n%s\r\n)\r\n", names,
			 fields_len + 2, fields);
		assert_row(fixture, command, row);
	}
}

static void test_syntax(void **state)
{
	static const char *const wrong[] = {
		"FETCH",
		"FETCH 1",
		"FETCH 1 ()",
		"FETCH 1 (UID",
		"FETCH 1 UID FLAGS",
		"FETCH x UID",
		"FETCH 0 UID",
		"FETCH 1 (UID  FLAGS)",
		"FETCH 1 (ALL)",
		"FETCH 1 BODY[",
		"FETCH 1 BOO",
		"FETCH 1 BODY[MIME]",
		"FETCH 1 BODY[1.]",
		"FETCH 1 BODY[]<1.0>",
		"FETCH 41 UID",
		"FETCH 1:41 UID",
		"FETCH 1 BINARY[TEXT]",
		"FETCH 1 BODY[HEADER.FIELDS ()]",
		"FETCH 1 UID (CHANGEDSINCE 1)",
		"UID FETCH 0 UID",
	};
	struct fixture *fixture = *state;
	char command[128];

	fixture_select(fixture);
	for (unsigned k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++) {
		snprintf(command, sizeof(command), "t %s\r\n", wrong[k]);
		assert_has(fixture_talk(fixture, command), "t BAD ");
	}
	fixture_talk(fixture, "e SELECT Lists/one\r\n");
	assert_has(fixture_talk(fixture, "t FETCH 1:* UID\r\n"), "t BAD ");
	assert_string_equal(fixture_talk(fixture, "t UID FETCH 1:* UID\r\n"),
			    "t OK FETCH completed\r\n");
}

/* A command made of `before`, `n` times `each` with rising numbers, and `after`. */
static const char *talk_long(struct fixture *fixture, const char *before, const char *each,
			     unsigned n, const char *after)
{
	static char command[70000];
	size_t len = 0;

	for (unsigned k = 0; k <= n + 1; k++) {
		const char *part = k == 0 ? before : k <= n ? each : after;
		const char *mark = strchr(part, '#');
		int wrote = mark == NULL
				    ? snprintf(command + len, sizeof(command) - len, "%s", part)
				    : snprintf(command + len, sizeof(command) - len, "%.*s%u%s",
					       (int)(mark - part), part, 2 * k + 1, mark + 1);

		assert_true(wrote >= 0 && len + (size_t)wrote < sizeof(command));
		len += (size_t)wrote;
	}
	return fixture_talk(fixture, command);
}

/* More than a small block holds, more than a large one, and more than is allowed. */
static void test_large_programs(void **state)
{
	struct fixture *fixture = *state;

	fixture_select(fixture);
	assert_has(talk_long(fixture, "t UID FETCH 1", ",#", 10000, " UID\r\n"),
		   "* 39 FETCH (UID 39)\r\nt OK ");
	assert_has(talk_long(fixture, "t FETCH 1 (BODY[HEADER.FIELDS (Subject", " X-Some-Field-#",
			     400, ")])\r\n"),
		   " X-Some-Field-801)] {18}\r\nSubject: plain\r\n\r\n)\r\nt OK ");
	assert_has(
		talk_long(fixture, "t FETCH 1 (BODY[HEADER.FIELDS (Subject", " X#", 600, ")])\r\n"),
		"t NO [LIMIT] ");
	assert_has(talk_long(fixture, "t FETCH 1 (UID", " UID", 300, ")\r\n"), "t NO [LIMIT] ");
	assert_has(fixture_talk(fixture, "u NOOP\r\n"), "u OK ");
}

/* produce() returns when its rows or its time are spent, not when the client has everything. */
static void test_budgets_are_kept(void **state)
{
	struct fixture *fixture = *state;
	struct fake_connection *connection = &fixture->fake.connections[0];
	unsigned before;

	fixture_select(fixture);
	fixture->fake.limits.budget_items = 1;
	before = connection->produced;
	assert_has(fixture_talk(fixture, "t FETCH 1:40 UID\r\n"), "t OK ");
	assert_true(connection->produced - before >= 40);
	fixture->fake.limits.budget_items = UINT32_MAX;
	fixture->fake.limits.budget_ns = 1;
	before = connection->produced;
	assert_has(fixture_talk(fixture, "t FETCH 1:40 UID\r\n"), "t OK ");
	assert_true(connection->produced - before >= 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_index_items),	   TEST(test_envelope_and_structure),
		TEST(test_header_fields),  TEST(test_sections),
		TEST(test_binary),	   TEST(test_long_answers),
		TEST(test_many_runs),	   TEST(test_syntax),
		TEST(test_large_programs), TEST(test_budgets_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
