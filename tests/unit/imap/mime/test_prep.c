/* SPDX-License-Identifier: Apache-2.0 */
#include "prepared.h"

#include <errno.h>

static const char nested[] = "Subject: out\r\n"
			     "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
			     "--b\r\nX: 1\r\n\r\none\r\n"
			     "--b\r\nContent-Type: message/rfc822\r\n\r\n"
			     "Subject: in\r\nContent-Type: multipart/x; boundary=c\r\n\r\n"
			     "--c\r\n\r\nc1\r\n--c\r\n\r\nc2\r\n--c--\r\n"
			     "--b\r\nContent-Type: message/rfc822\r\n\r\n"
			     "Subject: plain\r\n\r\nt\r\n"
			     "--b--\r\n";

/* The bytes of a section of a path such as "2.1"; "-" where there is no such part or section. */
static void section(const char *message, const char *path_text, enum mime_section which,
		    const char *wanted)
{
	struct mime_prep prep = prepare(span_of(message));
	struct mime_extent extent = {0};
	uint32_t path[8], part;
	unsigned depth = 0;

	for (const char *at = path_text; *at != '\0'; at++)
		if (*at != '.')
			path[depth++] = (uint32_t)(*at - '0');
	part = mime_part_find(&prep, path, depth);
	if (part == MIME_PART_NONE || mime_section_extent(&prep, part, which, &extent) != 0) {
		assert_string_equal("-", wanted);
		return;
	}
	ASSERT_TEXT(span_cut(span_of(message), extent.off, extent.len), wanted);
}

static void test_sections_of_a_tree(void **state)
{
	(void)state;
	section(nested, "", MIME_SECTION_ALL, nested);
	section(nested, "", MIME_SECTION_MIME, "-");
	section(nested, "", MIME_SECTION_HEADER,
		"Subject: out\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
	section(nested, "1", MIME_SECTION_ALL, "one");
	section(nested, "1", MIME_SECTION_MIME, "X: 1\r\n\r\n");
	section(nested, "1", MIME_SECTION_HEADER, "-");
	section(nested, "1", MIME_SECTION_TEXT, "-");
	section(nested, "1.1", MIME_SECTION_ALL, "-");
	section(nested, "2", MIME_SECTION_MIME, "Content-Type: message/rfc822\r\n\r\n");
	section(nested, "2", MIME_SECTION_HEADER,
		"Subject: in\r\nContent-Type: multipart/x; boundary=c\r\n\r\n");
	/* The line end of a closing boundary is its own; the next boundary follows at once. */
	section(nested, "2", MIME_SECTION_TEXT, "--c\r\n\r\nc1\r\n--c\r\n\r\nc2\r\n--c--\r\n");
	section(nested, "2.2", MIME_SECTION_ALL, "c2");
	section(nested, "2.3", MIME_SECTION_ALL, "-");
	section(nested, "2.0", MIME_SECTION_ALL, "-");
	section(nested, "3", MIME_SECTION_ALL, "Subject: plain\r\n\r\nt");
	section(nested, "3.1", MIME_SECTION_ALL, "t");
	section(nested, "3.1", MIME_SECTION_MIME, "Subject: plain\r\n\r\n");
	section(nested, "3.1.1", MIME_SECTION_ALL, "-");
	section(nested, "3.2", MIME_SECTION_ALL, "-");
	section(nested, "4", MIME_SECTION_ALL, "-");
}

static void test_sections_of_a_text(void **state)
{
	static const char text[] = "A: b\r\n\r\nbody\r\n";

	(void)state;
	section(text, "", MIME_SECTION_ALL, text);
	section(text, "", MIME_SECTION_TEXT, "body\r\n");
	section(text, "1", MIME_SECTION_ALL, "body\r\n");
	section(text, "1", MIME_SECTION_MIME, "A: b\r\n\r\n");
	section(text, "1", MIME_SECTION_HEADER, "-");
	section(text, "1.1", MIME_SECTION_ALL, "-");
	section(text, "2", MIME_SECTION_ALL, "-");
}

static void test_message_in_the_root(void **state)
{
	static const char text[] = "Content-Type: message/rfc822\n\nSubject: in\n\nt\n";

	(void)state;
	section(text, "1", MIME_SECTION_ALL, "Subject: in\n\nt\n");
	section(text, "1", MIME_SECTION_HEADER, "Subject: in\n\n");
	section(text, "1.1", MIME_SECTION_ALL, "t\n");
	section(text, "", MIME_SECTION_HEADER, "Content-Type: message/rfc822\n\n");
}

static volatile uint8_t sink;

/* Everything a caller may do with a blob, so that a wild offset is a crash. */
static void use(const struct mime_prep *prep)
{
	static _Alignas(16) uint8_t memory[256];
	const struct span names[] = {span_of("subject"), span_of("x")};
	const struct mime_fieldset *set = mime_fieldset_compile(memory, names, 2, false);
	struct span answers[] = {mime_prep_envelope(prep), mime_prep_body(prep),
				 mime_prep_bodystructure(prep)};

	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < answers[i].len; k++)
			sink = answers[i].ptr[k];
	for (uint32_t a = 0; a < 5; a++)
		for (uint32_t b = 0; b < 3; b++) {
			uint32_t part = mime_part_find(prep, (uint32_t[]){a, b}, a == 0 ? 0 : 2);
			struct mime_field_run run;
			struct mime_extent extent;
			uint32_t cursor = 0;

			if (part == MIME_PART_NONE)
				continue;
			for (int which = MIME_SECTION_ALL; which <= MIME_SECTION_MIME; which++)
				if (mime_section_extent(prep, part, which, &extent) == 0)
					assert_true((uint64_t)extent.off + extent.len <=
						    mime_prep_size(prep));
			mime_fields_size(prep, part, set);
			while (mime_fields_next(prep, part, set, &cursor, &run))
				for (size_t k = 0; k < run.copy.len; k++)
					sink = run.copy.ptr[k];
		}
}

static void test_damaged_blobs(void **state)
{
	static struct guard guard;
	static uint8_t copy[8192];
	struct mime_prep prep = prepare(span_of(nested));
	size_t len = prep.blob.len;

	(void)state;
	assert_true(len <= sizeof(copy));
	memcpy(copy, prep.blob.ptr, len);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(
			mime_prep_open(guard_copy(&guard, (struct span){copy, cut}), &prep),
			-EBADMSG);
	for (size_t bit = 0; bit < len * 8; bit++) {
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (mime_prep_open(guard_copy(&guard, (struct span){copy, len}), &prep) == 0)
			use(&prep);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(mime_prep_open(guard_copy(&guard, (struct span){copy, len}), &prep), 0);
	use(&prep);
}

static void test_same_message_same_blob(void **state)
{
	struct span blob, other;
	struct mime_builder *fresh = mime_builder_create();

	(void)state;
	assert_non_null(fresh);
	assert_int_equal(mime_prepare(builder, span_of("Subject: x\r\n\r\n"), &blob), 0);
	assert_int_equal(mime_prepare(builder, span_of(nested), &blob), 0);
	assert_int_equal(mime_prepare(fresh, span_of(nested), &other), 0);
	assert_true(span_eq(blob, other));
	mime_builder_destroy(&fresh);
	assert_null(fresh);
}

static void test_too_long(void **state)
{
	struct span blob;

	(void)state;
	assert_int_equal(
		mime_prepare(builder, (struct span){(const uint8_t *)"", (size_t)1 << 31}, &blob),
		-EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections_of_a_tree),
		cmocka_unit_test(test_sections_of_a_text),
		cmocka_unit_test(test_message_in_the_root),
		cmocka_unit_test(test_damaged_blobs),
		cmocka_unit_test(test_same_message_same_blob),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, builder_setup, builder_teardown);
}
