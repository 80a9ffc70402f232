/* SPDX-License-Identifier: Apache-2.0 */
#include "prepared.h"

#define TEXT_PART "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "

static void structure(const char *message, const char *wanted)
{
	struct mime_prep prep = prepare(span_of(message));

	ASSERT_TEXT(mime_prep_bodystructure(&prep), wanted);
}

static void test_leaves(void **state)
{
	(void)state;
	structure("", TEXT_PART "0 0 NIL NIL NIL NIL)");
	structure("Subject: x\r\n\r\nbody\r\n", TEXT_PART "6 1 NIL NIL NIL NIL)");
	structure("Subject: x", TEXT_PART "0 0 NIL NIL NIL NIL)");
	structure("Content-Type: text/plain; charset=US-ASCII\n\nb",
		  TEXT_PART "1 0 NIL NIL NIL NIL)");
	structure("Content-Type: TEXT/html; CHARSET=x; a=b\r\nContent-ID: <i>\r\n\r\nx\r\n",
		  "(\"TEXT\" \"html\" (\"CHARSET\" \"x\" \"a\" \"b\") \"<i>\" NIL \"7bit\" 3 1"
		  " NIL NIL NIL NIL)");
	structure("Content-Type: image/gif\r\nContent-Transfer-Encoding: BASE64\r\n"
		  "Content-Disposition: attachment; filename=\"x y\"\r\nContent-MD5: m\r\n"
		  "Content-Language: en, fi\r\nContent-Location: http://x\r\n"
		  "Content-Description: d\r\n\r\nR0lG\r\n",
		  "(\"image\" \"gif\" NIL NIL \"d\" \"BASE64\" 6 \"m\""
		  " (\"attachment\" (\"filename\" \"x y\")) (\"en\" \"fi\") \"http://x\")");
}

static void test_broken_types(void **state)
{
	(void)state;
	structure("Content-Type: text\r\n\r\nx", "(\"text\" \"\" (\"charset\" \"us-ascii\")"
						 " NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL)");
	structure("Content-Type: text; x=y\r\n\r\nx", "(\"\" \"\" NIL NIL NIL \"7bit\" 1"
						      " NIL NIL NIL NIL)");
	structure("Content-Type: multipart/mixed x\r\n\r\nx", "(\"\" \"\" NIL NIL NIL \"7bit\" 1"
							      " NIL NIL NIL NIL)");
	structure("Content-Type\r\n\r\nx", TEXT_PART "1 0 NIL NIL NIL NIL)");
	structure("Content-Description: without MIME-Version\r\n\r\n",
		  TEXT_PART "0 0 NIL NIL NIL NIL)");
	structure("Content-Type: multipart/mixed\r\n\r\n--x\r\n",
		  "(" TEXT_PART "0 0 NIL NIL NIL NIL) \"mixed\" NIL NIL NIL NIL)");
}

static void test_multipart(void **state)
{
	(void)state;
	structure("Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\none\r\n"
		  "--b \r\nContent-Type: text/html\r\n\r\ntwo\r\n\r\n--b--\r\nepilogue\r\n",
		  "(" TEXT_PART "3 0 NIL NIL NIL NIL)(\"text\" \"html\" (\"charset\" \"us-ascii\")"
		  " NIL NIL \"7bit\" 5 1 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL"
		  " NIL)");
	/* No closing boundary; bare LFs. */
	structure("Content-Type: multipart/x; boundary=b\n\n--b\n\none\n",
		  "(" TEXT_PART "4 1 NIL NIL NIL NIL) \"x\" (\"boundary\" \"b\") NIL NIL NIL)");
	/* A boundary inside a header ends the part. */
	structure("Content-Type: multipart/x; boundary=b\n\n--b\nX: y\n--b\n\nt\n--b--\n",
		  "(" TEXT_PART "0 0 NIL NIL NIL NIL)" TEXT_PART
		  "1 0 NIL NIL NIL NIL) \"x\" (\"boundary\" \"b\") NIL NIL NIL)");
}

static void test_boundary_prefixes(void **state)
{
	(void)state;
	/* The inner boundary continues the outer one; the longer wins where it fits. */
	structure("Content-Type: multipart/o; boundary=b\n\n--b\n"
		  "Content-Type: multipart/i; boundary=bb\n\n--bb\n\nx\n--bb--\n--b--\n",
		  "((" TEXT_PART "1 0 NIL NIL NIL NIL) \"i\" (\"boundary\" \"bb\") NIL NIL NIL)"
		  " \"o\" (\"boundary\" \"b\") NIL NIL NIL)");
	/* A boundary that ends with dashes closes nothing. */
	structure("Content-Type: multipart/o; boundary=\"b--\"\n\n--b--\n\nx\n--b----\n",
		  "(" TEXT_PART "1 0 NIL NIL NIL NIL) \"o\" (\"boundary\" \"b--\") NIL NIL NIL)");
}

static void test_messages(void **state)
{
	(void)state;
	structure("Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n",
		  "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 21 (NIL \"in\" NIL NIL NIL NIL NIL"
		  " NIL NIL NIL) " TEXT_PART "6 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)");
	structure("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: d\n\nt\n--b--\n",
		  "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 13 (NIL \"d\" NIL NIL NIL NIL NIL"
		  " NIL NIL NIL) " TEXT_PART "1 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)"
		  " \"digest\" (\"boundary\" \"b\") NIL NIL NIL)");
}

static void test_body_has_no_extensions(void **state)
{
	struct mime_prep prep = prepare(span_of("Content-Type: multipart/x; boundary=b\n\n--b\n"
						"Content-Type: image/gif\n\nx\n--b--\n"));

	(void)state;
	ASSERT_TEXT(mime_prep_body(&prep), "((\"image\" \"gif\" NIL NIL NIL \"7bit\" 1) \"x\")");
}

/* Deeper or more than the limits: a lump, or the last part takes the rest; never a failure. */
static void test_limits(void **state)
{
	struct bytes_of {
		char *text;
		size_t len;
	} deep, wide;
	FILE *file = open_memstream(&deep.text, &deep.len);
	struct mime_prep prep;
	struct span blob;
	uint32_t path[MIME_PATH_DEPTH_MAX];

	(void)state;
	for (int i = 0; i < 2 * MIME_DEPTH_MAX; i++)
		fprintf(file, "Content-Type: message/rfc822\r\n\r\n");
	fclose(file);
	prep = prepare((struct span){(uint8_t *)deep.text, deep.len});
	for (int i = 0; i < MIME_PATH_DEPTH_MAX; i++)
		path[i] = 1;
	assert_true(mime_part_find(&prep, path, MIME_DEPTH_MAX - 1) != MIME_PART_NONE);
	assert_non_null(
		memmem(mime_prep_body(&prep).ptr, mime_prep_body(&prep).len, "octet-stream", 12));
	free(deep.text);

	file = open_memstream(&wide.text, &wide.len);
	fprintf(file, "Content-Type: multipart/x; boundary=b\r\n\r\n");
	for (int i = 0; i < MIME_PARTS_MAX + 10; i++)
		fprintf(file, "--b\r\n\r\n\r\n");
	fclose(file);
	assert_int_equal(
		mime_prepare(builder, (struct span){(uint8_t *)wide.text, wide.len}, &blob), 0);
	assert_int_equal(mime_prep_open(blob, &prep), 0);
	path[0] = MIME_PARTS_MAX - 1;
	assert_true(mime_part_find(&prep, path, 1) != MIME_PART_NONE);
	path[0]++;
	assert_int_equal(mime_part_find(&prep, path, 1), MIME_PART_NONE);
	free(wide.text);
}

/* Fields past the sum that answers are made of are kept, and answer nothing. */
static void test_huge_fields(void **state)
{
	char *text;
	size_t len;
	FILE *file = open_memstream(&text, &len);
	struct mime_prep prep;
	struct span blob;

	(void)state;
	fprintf(file, "Subject: first\r\nTo: ");
	for (int i = 0; i < 8 << 20; i++)
		fputc(',', file);
	fprintf(file, "\r\nCc: a@b\r\n\r\n");
	fclose(file);
	assert_int_equal(mime_prepare(builder, (struct span){(uint8_t *)text, len}, &blob), 0);
	assert_int_equal(mime_prep_open(blob, &prep), 0);
	ASSERT_TEXT(mime_prep_envelope(&prep),
		    "(NIL \"first\" NIL NIL NIL NIL ((NIL NIL \"a\" \"b\")) NIL NIL NIL)");
	free(text);
}

static void test_cut_at_every_byte(void **state)
{
	static const char text[] =
		"From: A <a@b>, \"c\r\n \\\"d\" (e)\r\nSubject: =?x?=\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/mixed;\r\n boundary=\"b b\"; f*0*=u''a; f*1=b\r\n\r\n"
		"pre\r\n--b b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n"
		"Content-Type: multipart/alternative; "
		"boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--bb--\r\n"
		"\r\n--b b\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--b b--\r\nend\r\n";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++)
		prepare((struct span){(const uint8_t *)text, len});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves),
		cmocka_unit_test(test_broken_types),
		cmocka_unit_test(test_multipart),
		cmocka_unit_test(test_boundary_prefixes),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_body_has_no_extensions),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_huge_fields),
		cmocka_unit_test(test_cut_at_every_byte),
	};

	return cmocka_run_group_tests(tests, builder_setup, builder_teardown);
}
