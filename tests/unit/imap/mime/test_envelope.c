/* SPDX-License-Identifier: Apache-2.0 */
#include "prepared.h"

#include "address.h"

static void envelope(const char *message, const char *wanted)
{
	struct mime_prep prep = prepare(span_of(message));

	ASSERT_TEXT(mime_prep_envelope(&prep), wanted);
}

/* What Dovecot 2.3.19 answers; each was asked of it. */
static void addresses(const char *value, const char *wanted)
{
	static struct guard guard;
	struct address_scratch scratch = {0};
	struct span span = span_of(value);
	struct bytes out = {0};

	for (size_t len = 0; len <= span.len; len++) {
		bytes_clear(&out);
		address_list_write(&scratch, guard_copy(&guard, span_cut(span, 0, len)), &out);
		assert_false(out.failed || address_scratch_failed(&scratch));
	}
	ASSERT_TEXT(bytes_span(&out), wanted);
	bytes_free(&out);
	address_scratch_free(&scratch);
}

static void test_addresses(void **state)
{
	(void)state;
	addresses("a@b.c", "(NIL NIL \"a\" \"b.c\")");
	addresses("A B <a@b>, \"C, D\" <c@d>",
		  "(\"A B\" NIL \"a\" \"b\")(\"C, D\" NIL \"c\" \"d\")");
	addresses("a@b (A B)", "(\"A B\" NIL \"a\" \"b\")");
	addresses("<@r,@s:x@y>", "(NIL \"@r,@s\" \"x\" \"y\")");
	addresses("<....@x>", "(NIL NIL \"....\" \"x\")");
	addresses("", "");
	addresses(" \r\n ", "");
}

static void test_groups(void **state)
{
	(void)state;
	addresses("undisclosed-recipients:;",
		  "(NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL)");
	addresses("G: a@b, c@d; , e@f",
		  "(NIL NIL \"G\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")"
		  "(NIL NIL NIL NIL)(NIL NIL \"e\" \"f\")");
	addresses("G: a@b", "(NIL NIL \"G\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)");
}

static void test_broken_addresses(void **state)
{
	(void)state;
	addresses("user", "(NIL NIL \"user\" \"MISSING_DOMAIN\")");
	addresses("two words", "(\"two words\" NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")");
	addresses("\"quoted\"", "(\"quoted\" NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")");
	addresses("Name <a@b", "(\"Name\" NIL \"a\" \"SYNTAX_ERROR\")");
	addresses("<>", "(NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")");
	addresses("<@r x@y>", "(NIL \"INVALID_ROUTE\" \"x\" \"y\")");
	addresses("a@b.\"c\"", "(NIL NIL \"a\" \"MISSING_DOMAIN\")");
	addresses(",a@b", "(NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")(NIL NIL \"a\" \"b\")");
}

static void test_fields(void **state)
{
	(void)state;
	envelope("", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
	envelope("Date: Sat, 1 Jan\r\n 2000\r\nSubject:  Hi \t there \r\nFrom: a@b\r\n"
		 "To: c@d\r\nMessage-ID: <x@y>\r\nIn-Reply-To: <p@q>\r\n\r\n",
		 "(\"Sat, 1 Jan 2000\" {8}\r\nHi there ((NIL NIL \"a\" \"b\"))"
		 " ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\"))"
		 " NIL NIL \"<p@q>\" \"<x@y>\")");
	envelope("FROM : a@b\nsender: s@t\nREPLY-to: r@u\n\n",
		 "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"s\" \"t\"))"
		 " ((NIL NIL \"r\" \"u\")) NIL NIL NIL NIL NIL)");
}

static void test_repeated_fields(void **state)
{
	(void)state;
	envelope("To: a@b\r\nSubject: one\r\nTo: c@d\r\nSubject: two\r\nTo:\r\nTo: e@f\r\n\r\n",
		 "(NIL \"two\" NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")"
		 "(NIL NIL \"e\" \"f\")) NIL NIL NIL NIL)");
}

static void test_nameless_lines(void **state)
{
	(void)state;
	envelope("From\r\n : a@b\r\nSubject\r\n: x\r\n\r\n",
		 "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
}

static void test_nul(void **state)
{
	struct mime_prep prep =
		prepare((struct span){(const uint8_t *)"Subject: a\0b\r\n\r\n", 16});

	(void)state;
	ASSERT_TEXT(mime_prep_envelope(&prep), "(NIL {5}\r\na\xef\xbf\xbd"
					       "b NIL NIL NIL NIL NIL NIL NIL NIL)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_broken_addresses),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_repeated_fields),
		cmocka_unit_test(test_nameless_lines),
		cmocka_unit_test(test_nul),
	};

	return cmocka_run_group_tests(tests, builder_setup, builder_teardown);
}
