/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "date.h"

struct sample {
	const char *text;
	int64_t utc_s;
	int zone_min;
};

static void check(bool (*parse)(struct span, struct store_date *), const struct sample *samples,
		  size_t n)
{
	for (size_t k = 0; k < n; k++) {
		struct store_date date;

		if (!parse(span_of(samples[k].text), &date))
			fail_msg("%s is no date", samples[k].text);
		if (date.utc_s != samples[k].utc_s || date.zone_min != samples[k].zone_min)
			fail_msg("%s: %lld %d", samples[k].text, (long long)date.utc_s,
				 date.zone_min);
	}
}

static void test_mail(void **state)
{
	static const struct sample samples[] = {
		{"Thu, 1 Jan 1970 00:00:00 +0000", 0, 0},
		{"Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -360},
		{"21 Nov 97 09:55:06 GMT", 880106106, 0},
		{"21 Nov 97 09:55 EST", 880124100, -300},
		{"Tue, 29 Feb 2000 23:59:59 +0530", 951848999, 330},
		{" Wed ,\r\n 12\t Feb 2003 (a (nested) comment) 23:32:54 +0100 (CET)", 1045089174,
		 60},
		{"Thu, 13 Feb 1969 23:32 -0330", -27723480, -210},
		{"Sat, 31 Dec 2016 23:59:60 +0000", 1483228800, 0},
		{"1 jan 20 1:02:03 z", 1577840523, 0},
		{"Mon, 1 Mar 2100 00:00:00 +0000", 4107542400, 0},
		{"Mon, 1 Jan 101 00:00:00 +0000", 978307200, 0},
	};

	(void)state;
	check(date_mail, samples, sizeof(samples) / sizeof(samples[0]));
}

static void test_ctime(void **state)
{
	static const struct sample samples[] = {
		{"Fri Nov 21 15:55:06 1997", 880127706, 0},
		{"Sat Jan  3 01:05:34 1996", 820631134, 0},
		{"Fri Nov 21 09:55:06 -0600 1997", 880127706, -360},
		{"Fri Nov 21 09:55:06 1997 -0600", 880127706, -360},
		{"Fri Nov 21 16:55:06 CET 1997", 880127706, 60},
		{"Fri Nov 21 15:55 1997", 880127700, 0},
	};

	(void)state;
	check(date_ctime, samples, sizeof(samples) / sizeof(samples[0]));
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"yesterday",
		"Fri, 32 Nov 1997 09:55:06 -0600",
		"Fri, 0 Nov 1997 09:55:06 -0600",
		"Fri, 21 Nov 1997 24:00:00 -0600",
		"Fri, 21 Nov 1997 09:60:06 -0600",
		"Fri, 21 Foo 1997 09:55:06 -0600",
		"Fri, 21 Nov 1997 noon",
		"21 22 23 24 25 26 27 28 29 30 31 32",
		"Fri, 21 Novembertember 1997 09:55:06",
		"Fri Nov 21 15:55:06",
	};
	struct store_date date;

	(void)state;
	for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
		if (date_mail(span_of(texts[k]), &date) || date_ctime(span_of(texts[k]), &date))
			fail_msg("%s was taken", texts[k]);
}

static void test_of_message(void **state)
{
	struct store_date date;

	(void)state;
	assert_true(date_message(span_of("Received: from a; b by c;\r\n"
					 "\tFri, 21 Nov 1997 09:55:06 -0600\r\n"
					 "Received: x; Thu, 1 Jan 1970 00:00:00 +0000\r\n"
					 "Date: Thu, 1 Jan 1970 00:00:01 +0000\r\n\r\n"),
				 &date));
	assert_int_equal(date.utc_s, 880127706);
	assert_true(date_message(span_of("Received: nothing\n"
					 "DATE : no\nDate: Thu, 1 Jan 1970 00:00:01 +0000\n\n"),
				 &date));
	assert_int_equal(date.utc_s, 1);
	assert_false(date_message(span_of("Subject: x\n\nDate: Thu, 1 Jan 1970 00:00:01 +0000\n"),
				  &date));
	assert_false(date_message(span_of(""), &date));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_ctime),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_of_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
