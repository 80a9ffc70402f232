/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse.h"

static const char *const kinds[] = {
	[WIRE_FETCH_FLAGS] = "flags",
	[WIRE_FETCH_UID] = "uid",
	[WIRE_FETCH_INTERNALDATE] = "internaldate",
	[WIRE_FETCH_SIZE] = "size",
	[WIRE_FETCH_ENVELOPE] = "envelope",
	[WIRE_FETCH_BODY] = "body",
	[WIRE_FETCH_BODYSTRUCTURE] = "bodystructure",
	[WIRE_FETCH_SECTION] = "section",
	[WIRE_FETCH_BINARY] = "binary",
	[WIRE_FETCH_BINARY_SIZE] = "binary-size",
	[WIRE_FETCH_ALL] = "all",
	[WIRE_FETCH_FAST] = "fast",
	[WIRE_FETCH_FULL] = "full",
};

static const char *const sections[] = {
	[WIRE_SECTION_ALL] = "",	   [WIRE_SECTION_HEADER] = " header",
	[WIRE_SECTION_FIELDS] = " fields", [WIRE_SECTION_FIELDS_NOT] = " fields-not",
	[WIRE_SECTION_TEXT] = " text",	   [WIRE_SECTION_MIME] = " mime",
};

/* name: kind [peek] [/1/2] [section] [n=names] [<offset.length>] */
static int fetch(struct wire_cursor *cursor, struct shown *shown)
{
	static struct wire_fetch found;
	int rc;

	memset(&found, 0xa5, sizeof(found));
	rc = wire_fetch_att(cursor, &found);
	if (rc < 0)
		return rc;
	show_bytes(shown, found.name);
	show(shown, ": %s%s", kinds[found.kind], found.peek ? " peek" : "");
	for (unsigned i = 0; i < found.depth; i++)
		show(shown, "%s%u", i == 0 ? " " : ".", found.path[i]);
	show(shown, "%s", sections[found.section]);
	if (found.names_n > 0) {
		show(shown, " %u=", found.names_n);
		show_bytes(shown, found.names);
	}
	if (found.partial)
		show(shown, " <%llu.%u>", (unsigned long long)found.partial_off, found.partial_len);
	return rc;
}

static void test_plain_items(void **state)
{
	(void)state;
	parse_text(fetch, "FLAGS ", "FLAGS: flags");
	parse_text(fetch, "flags)", "flags: flags");
	parse_text(fetch, "UID\r\n", "UID: uid");
	parse_text(fetch, "INTERNALDATE ", "INTERNALDATE: internaldate");
	parse_text(fetch, "RFC822.SIZE ", "RFC822.SIZE: size");
	parse_text(fetch, "ENVELOPE ", "ENVELOPE: envelope");
	parse_text(fetch, "BODY ", "BODY: body");
	parse_text(fetch, "BODY)", "BODY: body");
	parse_text(fetch, "BodyStructure\n", "BodyStructure: bodystructure");
	parse_text(fetch, "ALL\r\n", "ALL: all");
	parse_text(fetch, "FAST\r\n", "FAST: fast");
	parse_text(fetch, "FULL\r\n", "FULL: full");
	parse_text(fetch, "RFC822 ", "RFC822: section");
	parse_text(fetch, "RFC822.HEADER ", "RFC822.HEADER: section peek header");
	parse_text(fetch, "RFC822.TEXT ", "RFC822.TEXT: section text");
}

static void test_unknown_items(void **state)
{
	(void)state;
	parse_text(fetch, "FLAG ", "BAD");
	parse_text(fetch, "FLAGSS ", "BAD");
	parse_text(fetch, "RFC822.PEEK ", "BAD");
	parse_text(fetch, "BODY. ", "BAD");
	parse_text(fetch, "BODY.PEEK ", "BAD");
	parse_text(fetch, "BINARY ", "BAD");
	parse_text(fetch, "BINARY.SIZE ", "BAD");
	parse_text(fetch, "BODYSTRUCTURE.PEEK[] ", "BAD");
	parse_text(fetch, "(FLAGS) ", "BAD");
	parse_text(fetch, "\"FLAGS\" ", "BAD");
	parse_text(fetch, " FLAGS ", "BAD");
	parse_text(fetch, "\r\n", "BAD");
	parse_text(fetch, "", "MORE");
	parse_text(fetch, "FLAGS", "MORE");
	parse_text(fetch, "BODY", "MORE");
	parse_text(fetch, "BODY[]", "MORE");
}

static void test_sections(void **state)
{
	(void)state;
	parse_text(fetch, "BODY[] ", "BODY: section");
	parse_text(fetch, "BODY.PEEK[])", "BODY.PEEK: section peek");
	parse_text(fetch, "body.peek[header] ", "body.peek: section peek header");
	parse_text(fetch, "BODY[TEXT] ", "BODY: section text");
	parse_text(fetch, "BODY[1] ", "BODY: section 1");
	parse_text(fetch, "BODY[1.2.3] ", "BODY: section 1.2.3");
	parse_text(fetch, "BODY[4294967295] ", "BODY: section 4294967295");
	parse_text(fetch, "BODY[1.MIME] ", "BODY: section 1 mime");
	parse_text(fetch, "BODY[3.1.HEADER] ", "BODY: section 3.1 header");
	parse_text(fetch, "BODY[3.TEXT] ", "BODY: section 3 text");
	parse_text(fetch, "BODY[MIME] ", "BAD");
	parse_text(fetch, "BODY[0] ", "BAD");
	parse_text(fetch, "BODY[01] ", "BAD");
	parse_text(fetch, "BODY[1.0] ", "BAD");
	parse_text(fetch, "BODY[4294967296] ", "BAD");
	parse_text(fetch, "BODY[1.] ", "BAD");
	parse_text(fetch, "BODY[.1] ", "BAD");
	parse_text(fetch, "BODY[1..2] ", "BAD");
	parse_text(fetch, "BODY[1TEXT] ", "BAD");
	parse_text(fetch, "BODY[TEXT.1] ", "BAD");
	parse_text(fetch, "BODY[HEADERS] ", "BAD");
	parse_text(fetch, "BODY[ ] ", "BAD");
	parse_text(fetch, "BODY[1 ] ", "BAD");
	parse_text(fetch, "BODY [] ", "BODY: body");
	parse_text(fetch, "BODY[1", "MORE");
	parse_text(fetch, "BODY[1.", "MORE");
}

static void test_header_fields(void **state)
{
	(void)state;
	parse_text(fetch, "BODY[HEADER.FIELDS (DATE)] ", "BODY: section fields 1=(DATE)");
	parse_text(fetch, "BODY.PEEK[HEADER.FIELDS (Date FROM \"x-\\\"y\")] ",
		   "BODY.PEEK: section peek fields 3=(Date FROM \"x-\\\"y\")");
	parse_text(fetch, "BODY[header.fields.not ({4}\r\nDate To)] ",
		   "BODY: section fields-not 2=({4}\\0d\\0aDate To)");
	parse_text(fetch, "BODY[2.HEADER.FIELDS (a] b)] ", "BODY: section 2 fields 2=(a] b)");
	parse_text(fetch, "BODY[HEADER.FIELDS ()] ", "BAD");
	parse_text(fetch, "BODY[HEADER.FIELDS] ", "BAD");
	parse_text(fetch, "BODY[HEADER.FIELDS ] ", "BAD");
	parse_text(fetch, "BODY[HEADER.FIELDS(DATE)] ", "BAD");
	parse_text(fetch, "BODY[HEADER.FIELDS DATE] ", "BAD");
	parse_text(fetch, "BODY[HEADER.FIELDS (DATE ) ] ", "BAD");
	parse_text(fetch, "BODY[HEADER.FIELDS (DATE  TO)] ", "BAD");
	parse_text(fetch, "BODY[HEADER.FIELDS ((DATE))] ", "BAD");
	parse_text(fetch, "BODY[HEADER.FIELDS (DATE%)] ", "BAD");
	parse_text(fetch, "BODY[HEADER (DATE)] ", "BAD");
	parse_text(fetch, "BODY[HEADER.FIELDS.NO (DATE)] ", "BAD");
	parse_text(fetch, "BODY[HEADER.FIELDS (DATE TO", "MORE");
}

static void test_partials(void **state)
{
	(void)state;
	parse_text(fetch, "BODY[]<0.65536> ", "BODY: section <0.65536>");
	parse_text(fetch, "BODY.PEEK[1.TEXT]<10.1>)", "BODY.PEEK: section peek 1 text <10.1>");
	parse_text(fetch, "BODY[HEADER.FIELDS (TO)]<5.7> ", "BODY: section fields 1=(TO) <5.7>");
	parse_text(fetch, "BODY[]<00.4294967295> ", "BODY: section <0.4294967295>");
	parse_text(fetch, "BODY[]<0.4294967296> ", "BODY: section <0.4294967295>");
	parse_text(fetch, "BODY[]<9223372036854775807.9223372036854775807> ",
		   "BODY: section <9223372036854775807.4294967295>");
	parse_text(fetch, "BODY[]<9223372036854775808.1> ", "BAD");
	parse_text(fetch, "BODY[]<0.9223372036854775808> ", "BAD");
	parse_text(fetch, "BODY[]<0.0> ", "BAD");
	parse_text(fetch, "BODY[]<0.01> ", "BAD");
	parse_text(fetch, "BODY[]<0> ", "BAD");
	parse_text(fetch, "BODY[]<.1> ", "BAD");
	parse_text(fetch, "BODY[]<0.> ", "BAD");
	parse_text(fetch, "BODY[]<0.1 ", "BAD");
	parse_text(fetch, "BODY[]<0.1", "MORE");
	/* A partial belongs to a section: of these it is left to the caller, who finds no space. */
	parse_text(fetch, "BODY<0.1> ", "BODY: body");
	parse_text(fetch, "RFC822.TEXT<0.1> ", "RFC822.TEXT: section text");
}

static void test_binary(void **state)
{
	(void)state;
	parse_text(fetch, "BINARY[] ", "BINARY: binary");
	parse_text(fetch, "BINARY[1.2] ", "BINARY: binary 1.2");
	parse_text(fetch, "BINARY.PEEK[1]<0.10> ", "BINARY.PEEK: binary peek 1 <0.10>");
	parse_text(fetch, "BINARY.SIZE[2] ", "BINARY.SIZE: binary-size peek 2");
	parse_text(fetch, "BINARY.SIZE[]<0.1> ", "BINARY.SIZE: binary-size peek");
	parse_text(fetch, "BINARY[TEXT] ", "BAD");
	parse_text(fetch, "BINARY[1.TEXT] ", "BAD");
	parse_text(fetch, "BINARY[1.MIME] ", "BAD");
	parse_text(fetch, "BINARY.SIZE[HEADER] ", "BAD");
	parse_text(fetch, "BINARY[1.", "MORE");
}

static void path_make(char *text, size_t bytes, unsigned depth)
{
	size_t n = (size_t)snprintf(text, bytes, "BODY[");

	for (unsigned i = 0; i < depth; i++)
		n += (size_t)snprintf(text + n, bytes - n, i == 0 ? "1" : ".1");
	snprintf(text + n, bytes - n, "] ");
}

static void test_depth(void **state)
{
	static struct shown shown;
	char in[4 * WIRE_PATH_DEPTH_MAX];

	(void)state;
	path_make(in, sizeof(in), WIRE_PATH_DEPTH_MAX);
	assert_int_equal(parse_once(fetch, span_of(in), &shown), strlen(in) - 1);
	path_make(in, sizeof(in), WIRE_PATH_DEPTH_MAX + 1);
	parse_text(fetch, in, "BAD");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_items), cmocka_unit_test(test_unknown_items),
		cmocka_unit_test(test_sections),    cmocka_unit_test(test_header_fields),
		cmocka_unit_test(test_partials),    cmocka_unit_test(test_binary),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
