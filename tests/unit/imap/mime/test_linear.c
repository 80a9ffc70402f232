/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile mail costs what its length says: twice the input at most 2.5 times the work. */
#include "prepared.h"

#include "counter.h"

enum { TEXT_MAX = 1 << 24 };

static char *text;
static size_t text_len;

__attribute__((format(printf, 1, 2))) static void add(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text_len += (size_t)vsnprintf(text + text_len, TEXT_MAX - text_len, format, arguments);
	va_end(arguments);
	assert_true(text_len < TEXT_MAX);
}

static void repeat(const char *what, unsigned n)
{
	size_t len = strlen(what);

	assert_true(len * n < TEXT_MAX - text_len);
	for (unsigned i = 0; i < n; i++, text_len += len)
		memcpy(text + text_len, what, len);
}

static uint64_t cost(void (*make)(unsigned n), unsigned n)
{
	struct span blob;

	text_len = 0;
	make(n);
	counter_operations = 0;
	assert_int_equal(mime_prepare(builder, (struct span){(uint8_t *)text, text_len}, &blob), 0);
	return counter_operations;
}

static void assert_linear(const char *what, void (*make)(unsigned n), unsigned n)
{
	uint64_t once, twice;

	cost(make, 2 * n); /* so that no memory has to grow any more */
	once = cost(make, n);
	twice = cost(make, 2 * n);
	if (once > 0 && twice <= once * 5 / 2)
		return;
	fail_msg("%s: %llu, then %llu", what, (unsigned long long)once, (unsigned long long)twice);
}

static void addresses(unsigned n)
{
	add("To: ");
	repeat("Name <a@b.example>, ", n);
	add("\r\n\r\n");
}

static void address_fields(unsigned n)
{
	repeat("From: a@b.example\r\n", n);
	add("\r\n");
}

static void groups(unsigned n)
{
	add("To: ");
	repeat("g:", n);
	add("\r\n\r\n");
}

static void open_brackets(unsigned n)
{
	add("To: ");
	repeat("a <", n);
	repeat("(", n);
	repeat("\"", n);
	add("\r\n\r\n");
}

static void open_comments(unsigned n)
{
	add("To: ");
	repeat("a,(", n);
	add("\r\nCc: ");
	repeat("(a) ", n);
	add("\r\n\r\n");
}

static void folds(unsigned n)
{
	add("Subject:");
	repeat(" a\r\n", n);
	add("\r\n\r\n");
}

static void header_fields(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		add("X-%u: y\r\n", i);
	add("\r\n");
}

static void parameters(unsigned n)
{
	add("Content-Type: text/plain");
	for (unsigned i = 0; i < n; i++)
		add("; p%u=\"v\"", i);
	add("\r\n\r\n");
}

static void continuations(unsigned n)
{
	add("Content-Disposition: attachment");
	for (unsigned i = n; i-- > 0;)
		add("; f*%u*=%%41", i);
	for (unsigned i = n; i-- > 0;)
		add("; g*%u=a", i % 7);
	add("\r\n\r\n");
}

static void open_parameters(unsigned n)
{
	add("Content-Type: a/b");
	repeat(";", n);
	repeat("; a=\"", n);
	add("\r\n\r\n");
}

static void wide(unsigned n)
{
	add("Content-Type: multipart/x; boundary=b\r\n\r\n");
	repeat("--b\r\n\r\n\r\n", n);
}

static void deep_bodies(unsigned n)
{
	for (unsigned i = 0; i < MIME_DEPTH_MAX; i++)
		add("Content-Type: multipart/x; boundary=\"%u-boundary\"\r\n\r\n--%u-boundary\r\n",
		    i, i);
	add("\r\n");
	repeat("--9", n);
	repeat("--\r\n", n);
	repeat("--99-bound\r\n", n);
}

static void boundary_words(unsigned n)
{
	add("Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n\r\n");
	add("--");
	repeat("a", n);
	add("\r\n");
	repeat("\r\n", n);
	repeat("-", n);
}

static void nested_messages(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		add("Content-Type: message/rfc822\r\n\r\n");
}

static void base64(unsigned n)
{
	add("Content-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\n\r\n");
	repeat("YWJj\r\n=", n);
}

static void quoted_printable(unsigned n)
{
	add("Content-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\n");
	repeat("=20 = \t ", n);
	repeat(" ", n);
}

static void test_linear(void **state)
{
	static const struct {
		const char *what;
		void (*make)(unsigned n);
		unsigned n;
	} cases[] = {
		{"addresses", addresses, 100000},
		{"address fields", address_fields, 50000},
		{"groups", groups, 50000},
		{"open brackets", open_brackets, 50000},
		{"open comments", open_comments, 50000},
		{"folds", folds, 100000},
		{"header fields", header_fields, 50000},
		{"parameters", parameters, 20000},
		{"RFC 2231 continuations", continuations, 20000},
		{"open parameters", open_parameters, 50000},
		{"parts", wide, 4000},
		{"bodies a hundred parts deep", deep_bodies, 20000},
		{"boundary words", boundary_words, 100000},
		{"nested messages", nested_messages, 10000},
		{"base64", base64, 100000},
		{"quoted-printable", quoted_printable, 100000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_linear(cases[i].what, cases[i].make, cases[i].n);
}

/* The measure itself turns red on what is not linear. */
static void squares(unsigned n)
{
	repeat("X", n * (n / 16));
}

static void test_measure_sees_squares(void **state)
{
	uint64_t once = cost(squares, 500), twice = cost(squares, 1000);

	(void)state;
	assert_true(twice > once * 5 / 2);
}

static int setup(void **state)
{
	text = malloc(TEXT_MAX);
	return text == NULL ? -1 : builder_setup(state);
}

static int teardown(void **state)
{
	free(text);
	return builder_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_measure_sees_squares),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
