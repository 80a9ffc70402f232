/* SPDX-License-Identifier: Apache-2.0 */
#include "prepared.h"

enum { NAMES_MAX = 64, OUT_MAX = 1 << 16 };

/* A set from words separated by spaces. */
static struct mime_fieldset *set_of(const char *list, bool negated)
{
	static _Alignas(16) uint8_t memory[1 << 16];
	static char words[4096];
	struct span names[NAMES_MAX];
	char *rest = words, *word;
	unsigned n = 0;

	snprintf(words, sizeof(words), "%s", list);
	while ((word = strsep(&rest, " ")) != NULL)
		names[n++] = span_of(word);
	assert_true(mime_fieldset_bytes(n, strlen(list)) <= sizeof(memory));
	return mime_fieldset_compile(memory, names, n, negated);
}

/* All runs one behind the other, each from where it is said to be; counts them. */
static struct span gather(const struct mime_prep *prep, struct span message, uint32_t part,
			  const struct mime_fieldset *set, unsigned *runs_r)
{
	static uint8_t out[OUT_MAX];
	struct mime_field_run run;
	uint32_t cursor = 0;
	size_t len = 0;

	*runs_r = 0;
	while (mime_fields_next(prep, part, set, &cursor, &run)) {
		struct span bytes = run.copy;

		if (bytes.ptr == NULL)
			bytes = span_cut(message, run.extent.off, run.extent.len);
		assert_true(bytes.len > 0 && bytes.len <= OUT_MAX - len);
		memcpy(out + len, bytes.ptr, bytes.len);
		len += bytes.len;
		(*runs_r)++;
	}
	assert_false(mime_fields_next(prep, part, set, &cursor, &run));
	assert_int_equal(mime_fields_size(prep, part, set), len);
	return (struct span){out, len};
}

static void fields(const char *message, const char *list, bool negated, const char *wanted,
		   unsigned runs)
{
	struct mime_prep prep = prepare(span_of(message));
	unsigned got;

	ASSERT_TEXT(gather(&prep, span_of(message), MIME_PART_ROOT, set_of(list, negated), &got),
		    wanted);
	assert_int_equal(got, runs);
}

static const char letter[] = "Received: one\r\n\ttwo\r\n"
			     "Subject: a\r\n b\r\n"
			     "X-Odd: 1\r\n"
			     "received: three\r\n"
			     "From : c@d\r\n"
			     "X-odd  : 2\r\n"
			     "no colon\r\n"
			     "X-Mailer: m\r\n"
			     "DATE: today\r\n"
			     "\r\nbody\r\n";

static void test_known_names(void **state)
{
	(void)state;
	/* All the hot lines there are: one run. */
	fields(letter, "date FROM Subject to Cc", false,
	       "Subject: a\r\n b\r\nFrom : c@d\r\nDATE: today\r\n", 1);
	/* Some of them: neighbours in the blob are one run, too. */
	fields(letter, "subject from", false, "Subject: a\r\n b\r\nFrom : c@d\r\n", 1);
	fields(letter, "subject date", false, "Subject: a\r\n b\r\nDATE: today\r\n", 2);
	fields(letter, "subject x-mailer", false, "Subject: a\r\n b\r\nX-Mailer: m\r\n", 2);
	fields(letter, "RECEIVED", false, "Received: one\r\n\ttwo\r\nreceived: three\r\n", 2);
	fields(letter, "To", false, "", 0);
}

static void test_unknown_names(void **state)
{
	(void)state;
	fields(letter, "x-ODD", false, "X-Odd: 1\r\nX-odd  : 2\r\n", 2);
	fields(letter, "x-odd received", false,
	       "Received: one\r\n\ttwo\r\nX-Odd: 1\r\nreceived: three\r\nX-odd  : 2\r\n", 3);
	fields(letter, "x-od x-oddd x-ode no", false, "", 0);
	fields(letter, "x-odd subject from date", false,
	       "Subject: a\r\n b\r\nX-Odd: 1\r\nFrom : c@d\r\nX-odd  : 2\r\nDATE: today\r\n", 5);
}

static void test_negated(void **state)
{
	(void)state;
	fields(letter, "received x-odd date", true,
	       "Subject: a\r\n b\r\nFrom : c@d\r\nno colon\r\nX-Mailer: m\r\n", 3);
	fields("A: 1\nB: 2\nC: 3\n\n", "b", true, "A: 1\nC: 3\n", 2);
	fields("A: 1\nB: 2\nC: 3\n\n", "x", true, "A: 1\nB: 2\nC: 3\n", 1);
	fields("\r\nbody", "x", true, "", 0);
}

static void test_empty_line(void **state)
{
	struct mime_prep prep = prepare(span_of("A: b\r\n\r\n"));

	(void)state;
	assert_true(mime_fields_empty_line(&prep, MIME_PART_ROOT));
	prep = prepare(span_of("A: b\r\n"));
	assert_false(mime_fields_empty_line(&prep, MIME_PART_ROOT));
	prep = prepare(span_of("\n"));
	assert_true(mime_fields_empty_line(&prep, MIME_PART_ROOT));
}

static void test_inner_message(void **state)
{
	static const char text[] = "Subject: out\n"
				   "Content-Type: multipart/x; boundary=b\n\n--b\n"
				   "Content-Type: message/rfc822\nSubject: wrap\n\n"
				   "Subject: in\nTo: x\n\nt\n--b\nSubject: leaf\n\n\n--b--\n";
	struct mime_prep prep = prepare(span_of(text));
	uint32_t message = mime_part_find(&prep, (uint32_t[]){1}, 1);
	uint32_t leaf = mime_part_find(&prep, (uint32_t[]){2}, 1);
	unsigned runs;

	(void)state;
	ASSERT_TEXT(gather(&prep, span_of(text), message, set_of("subject to", false), &runs),
		    "Subject: in\nTo: x\n");
	assert_int_equal(runs, 1);
	ASSERT_TEXT(gather(&prep, span_of(text), leaf, set_of("subject", false), &runs), "");
	assert_true(mime_fields_empty_line(&prep, message));
	assert_false(mime_fields_empty_line(&prep, leaf));
}

/* Lines that are not copied, for their length or their sum, come from the message. */
static void test_long_lines(void **state)
{
	static char text[40000];
	struct mime_prep prep;
	struct span message, wanted;
	size_t len = 0;
	unsigned runs;

	(void)state;
	for (int i = 0; i < 20; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "To: %0*d\r\n",
					i == 3 ? 3000 : 1000, i);
	wanted = (struct span){(uint8_t *)text, len};
	len += (size_t)snprintf(text + len, sizeof(text) - len, "X: y\r\n\r\n");
	message = (struct span){(uint8_t *)text, len};
	prep = prepare(message);
	assert_true(span_eq(gather(&prep, message, 0, set_of("to", false), &runs), wanted));
	assert_int_equal(runs, 4);
}

/* Many names, all found and no others. */
static void test_many_names(void **state)
{
	static char text[20000], list[4096];
	size_t len = 0, list_len = 0;
	struct mime_prep prep;
	struct span got;
	unsigned runs;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "x%u: %u\r\n", i * 7 % 1000,
					i);
	for (unsigned i = 0; i < NAMES_MAX; i++)
		list_len += (size_t)snprintf(list + list_len, sizeof(list) - list_len, "%sX%u",
					     i == 0 ? "" : " ", i * 13 % 1000);
	prep = prepare((struct span){(uint8_t *)text, len});
	got = gather(&prep, (struct span){(uint8_t *)text, len}, 0, set_of(list, false), &runs);
	len = 0;
	for (size_t i = 0; i < got.len; i++)
		len += got.ptr[i] == '\n';
	assert_int_equal(len, NAMES_MAX);
}

static size_t line_end(struct span message, size_t at)
{
	const uint8_t *lf = memchr(message.ptr + at, '\n', message.len - at);

	return lf == NULL ? message.len : (size_t)(lf + 1 - message.ptr);
}

static bool is_listed(struct span line, const char *list)
{
	const uint8_t *colon = memchr(line.ptr, ':', line.len);
	char words[256], *rest = words, *word;
	size_t len = colon == NULL ? 0 : (size_t)(colon - line.ptr);

	while (len > 0 && (line.ptr[len - 1] == ' ' || line.ptr[len - 1] == '\t'))
		len--;
	snprintf(words, sizeof(words), "%s", list);
	while ((word = strsep(&rest, " ")) != NULL)
		if (len > 0 && span_eq_fold((struct span){line.ptr, len}, span_of(word)))
			return true;
	return false;
}

/* The listed fields by another way: line by line, without a table. */
static struct span scan(struct span message, const char *list)
{
	static uint8_t out[OUT_MAX];
	size_t at = 0, end, len = 0;

	for (; at < message.len && message.ptr[at] != '\r' && message.ptr[at] != '\n'; at = end) {
		end = line_end(message, at);
		while (end < message.len && (message.ptr[end] == ' ' || message.ptr[end] == '\t'))
			end = line_end(message, end);
		if (!is_listed(span_cut(message, at, end - at), list))
			continue;
		memcpy(out + len, message.ptr + at, end - at);
		len += end - at;
	}
	return (struct span){out, len};
}

static void test_cut_at_every_byte(void **state)
{
	static const char *const lists[] = {"Subject", "received x-odd", "From Date X-Mailer",
					    "X-Odd nothing no"};

	(void)state;
	for (size_t cut = 0; cut < sizeof(letter); cut++) {
		struct span message = {(const uint8_t *)letter, cut};
		struct mime_prep prep = prepare(message);

		for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
			unsigned runs;
			struct span wanted = scan(message, lists[k]);
			struct span got = gather(&prep, message, MIME_PART_ROOT,
						 set_of(lists[k], false), &runs);

			assert_int_equal(got.len, wanted.len);
			assert_memory_equal(got.ptr, wanted.ptr, wanted.len);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_names),   cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_negated),	      cmocka_unit_test(test_empty_line),
		cmocka_unit_test(test_inner_message), cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_many_names),    cmocka_unit_test(test_cut_at_every_byte),
	};

	return cmocka_run_group_tests(tests, builder_setup, builder_teardown);
}
