/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepares a message that ends at a guard page, into a blob that ends at one, for the single
 * thread of a test.
 */
#ifndef WIREMAP_TESTS_PREPARED_H
#define WIREMAP_TESTS_PREPARED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "guard.h"
#include "mime.h"

static struct mime_builder *builder;

__attribute__((unused)) static int builder_setup(void **state)
{
	(void)state;
	builder = mime_builder_create();
	return builder == NULL ? -1 : 0;
}

__attribute__((unused)) static int builder_teardown(void **state)
{
	(void)state;
	mime_builder_destroy(&builder);
	return 0;
}

/* Good until the next call. */
__attribute__((unused)) static struct mime_prep prepare(struct span message)
{
	static struct guard message_guard, blob_guard;
	struct mime_prep prep;
	struct span blob;

	assert_int_equal(mime_prepare(builder, guard_copy(&message_guard, message), &blob), 0);
	assert_int_equal(mime_prep_open(guard_copy(&blob_guard, blob), &prep), 0);
	assert_int_equal(mime_prep_size(&prep), message.len);
	return prep;
}

__attribute__((unused)) static void assert_text(struct span got, const char *wanted, int line)
{
	if (span_eq(got, span_of(wanted)))
		return;
	fprintf(stderr, "line %d:\nwanted %s\ngot    %.*s\n", line, wanted, (int)got.len,
		(const char *)got.ptr);
	fail();
}

#define ASSERT_TEXT(got, wanted) assert_text(got, wanted, __LINE__)

#endif
