/* SPDX-License-Identifier: Apache-2.0 */
#include "prepared.h"

#include "lex.h"
#include "param.h"
#include "quote.h"

/* One step over a value at a guard page, and over every beginning of it: no byte too far. */
static void lexed(enum lex (*take)(struct lexer *lexer, struct bytes *out), const char *text,
		  enum lex wanted, const char *word, size_t taken)
{
	static struct guard guard;
	struct span value = span_of(text);
	struct bytes out = {0};

	for (size_t len = 0; len <= value.len; len++) {
		struct span part = guard_copy(&guard, span_cut(value, 0, len));
		struct lexer lexer = lex_start(part, NULL);
		enum lex got;

		bytes_clear(&out);
		if (len == 0 && (take == lex_quoted || take == lex_domain))
			continue; /* these stand at their first byte */
		got = take(&lexer, &out);
		assert_true(lexer.at <= lexer.end);
		assert_true(got != LEX_MORE || lexer.at < lexer.end);
		if (len < value.len)
			continue;
		assert_int_equal(got, wanted);
		ASSERT_TEXT(bytes_span(&out), word);
		assert_int_equal(lexer.at - part.ptr, taken);
	}
	bytes_free(&out);
}

static void test_words(void **state)
{
	(void)state;
	lexed(lex_atom, "word", LEX_END, "word", 4);
	lexed(lex_atom, "a(b (c) \\) d)  e", LEX_MORE, "a", 15);
	lexed(lex_atom, "@", LEX_BROKEN, "", 0);
	lexed(lex_dot_atom, "a . b. c", LEX_END, "a.b.c", 8);
	lexed(lex_dot_atom, "a.", LEX_BROKEN, "a.", 2);
	lexed(lex_loose_dot_atom, "..a.@", LEX_MORE, "..a.", 4);
	lexed(lex_loose_dot_atom, "@", LEX_BROKEN, "", 0);
	lexed(lex_token, "text/plain", LEX_MORE, "text", 4);
	lexed(lex_quoted, "\"a\\\"b\" ", LEX_END, "a\"b", 7);
	lexed(lex_quoted, "\"a\r\n b\"x", LEX_MORE, "a b", 7);
	lexed(lex_quoted, "\"a", LEX_BROKEN, "", 2);
	lexed(lex_quoted, "\"a\\", LEX_BROKEN, "", 2);
	lexed(lex_phrase, "A \"B C\" d.<", LEX_MORE, "A B C d.", 10);
	lexed(lex_phrase, ".a", LEX_BROKEN, "", 0);
	lexed(lex_domain, "@[1.2]", LEX_END, "[1.2]", 6);
	lexed(lex_domain, "@[[1.2]", LEX_BROKEN, "", 2);
	lexed(lex_domain, "@ a.b>", LEX_MORE, "a.b", 5);
	lexed(lex_domain, "@", LEX_BROKEN, "", 1);
}

static void test_comment_is_collected(void **state)
{
	struct bytes comment = {0};
	struct lexer lexer = lex_start(span_of(" (first) (a (b)\\) c)x"), &comment);

	(void)state;
	assert_int_equal(lex_space(&lexer), LEX_MORE);
	ASSERT_TEXT(bytes_span(&comment), "a (b)) c");
	bytes_free(&comment);
}

static void quoted(void (*render)(struct bytes *out, struct span text), const char *text,
		   const char *wanted)
{
	static struct guard guard;
	struct bytes out = {0};

	bytes_add(&out, "before ", 7);
	render(&out, guard_copy(&guard, span_of(text)));
	ASSERT_TEXT(span_cut(bytes_span(&out), 7, out.len), wanted);
	bytes_free(&out);
}

static void test_strings(void **state)
{
	(void)state;
	quoted(quote_string, "", "\"\"");
	quoted(quote_string, "a\\\"b", "\"a\\\\\\\"b\"");
	quoted(quote_string, "\"\"\"\"", "\"\\\"\\\"\\\"\\\"\"");
	quoted(quote_string, "\"\"\"\"\"", "{5}\r\n\"\"\"\"\"");
	quoted(quote_string, "a\nb", "{3}\r\na\nb");
	quoted(quote_string, "\xc3\xa9", "{2}\r\n\xc3\xa9");
	quoted(quote_unfolded, "a\n b", "\"a b\"");
	quoted(quote_unfolded, "a\rb", "\"a b\"");
	quoted(quote_unfolded, "\"a\"\n\t\\", "\"\\\"a\\\"\t\\\\\"");
	quoted(quote_words, "plain text", "\"plain text\"");
	quoted(quote_words, " a\n\t b ", "{3}\r\na b");
	quoted(quote_words, "a \"b\"", "{5}\r\na \"b\"");
	quoted(quote_words, " \n ", "\"\"");
	quoted(quote_words, "", "\"\"");
}

static void parameters(const char *text, const char *wanted)
{
	static struct guard guard;
	struct span value = span_of(text);
	struct param_list list = {0};
	struct bytes out = {0};

	for (size_t len = 0; len <= value.len; len++) {
		struct lexer lexer = lex_start(guard_copy(&guard, span_cut(value, 0, len)), NULL);

		param_list_read(&list, &lexer);
		assert_false(list.failed);
	}
	for (uint32_t i = 0; i < list.count; i++) {
		struct span key = param_key(&list, i), one = param_value(&list, i);

		bytes_add(&out, key.ptr, key.len);
		bytes_add(&out, "=", 1);
		bytes_add(&out, one.ptr, one.len);
		bytes_add(&out, "|", 1);
	}
	ASSERT_TEXT(bytes_span(&out), wanted);
	bytes_free(&out);
	param_list_free(&list);
}

static void test_parameters(void **state)
{
	(void)state;
	parameters("", "");
	parameters("; a=b; c=\"d e\"", "a=b|c=d e|");
	parameters("; a=b junk; c=d", "a=b|c=d|");
	parameters("; a==?utf-8?q?x_y?=; b=\"open", "a==?utf-8?q?x_y?=|");
	parameters("; f*1=b; f*0=a; x=y", "x=y|f=ab|");
	parameters("; f*0*=u''a%20; f*1=\"5%\"", "f*=u''a%205%25|");
	parameters("; f*0=a; f*1*=%41", "f*=''a%41|");
	parameters("; f*1=a", "f*1=a|");
	parameters("; f*=u''x", "f*=u''x|");
	parameters("; f*x=a; *=b", "f*x=a|*=b|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_comment_is_collected),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
