/* SPDX-License-Identifier: Apache-2.0 */
/* Running out of memory at any one request is an error and no more. */
#include "prepared.h"

#include <errno.h>

#include "counter.h"

static const char letter[] =
	"From: A <a@b> (c), g: \"q\"@d;\r\nSubject: a\r\n b \"c\"\r\nX-Odd: 1\r\nMIME-Version: "
	"1.0\r\n"
	"Content-Type: multipart/mixed; boundary=b; f*1=b; f*0=a\r\n\r\n"
	"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nTo: x@y\r\n\r\nt\r\n"
	"--b\r\nContent-Disposition: attachment; filename*0*=u''a; filename*1=b\r\n"
	"Content-Language: en\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--b--\r\n";

static void test_every_request_refused(void **state)
{
	struct span blob, wanted;
	bool refused = true;

	(void)state;
	assert_int_equal(mime_prepare(builder, span_of(letter), &wanted), 0);
	for (uint64_t granted = 0; refused; granted++) {
		struct mime_builder *poor;
		int status = -ENOMEM;

		counter_memory_left = granted;
		poor = mime_builder_create();
		if (poor != NULL)
			status = mime_prepare(poor, span_of(letter), &blob);
		refused = counter_memory_left > granted;
		counter_memory_left = UINT64_MAX;
		assert_int_equal(status, refused ? -ENOMEM : 0);
		/* The same builder goes on once there is memory. */
		if (poor != NULL) {
			assert_int_equal(mime_prepare(poor, span_of(letter), &blob), 0);
			assert_true(span_eq(blob, wanted));
		}
		mime_builder_destroy(&poor);
		assert_true(granted < 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_request_refused),
	};

	return cmocka_run_group_tests(tests, builder_setup, builder_teardown);
}
