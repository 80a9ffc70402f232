/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse.h"

enum { LOG_BYTES_MAX = 4096 };

/*
 * What a session does with a collector: lends exactly the buffer that is asked for, accepts
 * literals, and drops commands longer than `limit`. Whatever the pieces in which a stream
 * arrives, it must see the same commands.
 */
struct driver {
	struct wire_collector collector;
	size_t limit;
	bool refuse; /* every literal */
	char log[LOG_BYTES_MAX];
	size_t log_len;
	unsigned lent;
};

static void log_bytes(struct driver *driver, struct span s)
{
	assert_true(driver->log_len + s.len < sizeof(driver->log));
	for (size_t i = 0; i < s.len; i++)
		driver->log[driver->log_len++] = s.ptr[i] != '\0' ? (char)s.ptr[i] : '0';
	driver->log[driver->log_len] = '\0';
}

static void dropped(struct driver *driver)
{
	log_bytes(driver, span_of("DROPPED|"));
}

static void lend(struct driver *driver)
{
	static struct guard guards[2];
	struct wire_collector *collector = &driver->collector;

	assert_true(collector->need > collector->capacity);
	wire_collector_buffer(collector, guard_room(&guards[driver->lent++ % 2], collector->need),
			      collector->need);
}

/* One call. Returns the bytes taken. */
static size_t drive_once(struct driver *driver, struct span in, enum wire_event *event_r)
{
	struct wire_collector *collector = &driver->collector;
	struct span command;
	size_t taken;
	bool ended;

	*event_r = wire_collect(collector, in, &taken, &command);
	assert_true(taken <= in.len);
	switch (*event_r) {
	case WIRE_EVENT_MORE:
		assert_int_equal(taken, in.len);
		break;
	case WIRE_EVENT_COMMAND:
		if (command.len > driver->limit) {
			dropped(driver);
		} else {
			log_bytes(driver, command);
			log_bytes(driver, span_of("|"));
		}
		wire_collector_done(collector);
		break;
	case WIRE_EVENT_LITERAL:
		if (!driver->refuse && collector->literal < driver->limit &&
		    command.len + collector->literal < driver->limit) {
			wire_collector_accept(collector);
			break;
		}
		taken += wire_collector_refuse(collector, &ended);
		assert_true(taken <= in.len);
		if (ended)
			dropped(driver);
		break;
	case WIRE_EVENT_FULL:
		assert_int_equal(taken, 0);
		if (collector->need <= driver->limit)
			lend(driver);
		else
			taken = wire_collector_skip(collector);
		break;
	case WIRE_EVENT_SKIPPED:
		dropped(driver);
		wire_collector_done(collector);
		break;
	}
	return taken;
}

/* Offers what has arrived until all is taken; a lazy session comes back after a literal was
 * announced only when more has arrived. Returns the bytes taken. */
static size_t drive(struct driver *driver, struct span in, bool lazy)
{
	static struct guard guard;
	size_t at = 0;

	for (unsigned calls = 0;; calls++) {
		enum wire_event event;

		assert_in_range(calls, 0, 100);
		at += drive_once(driver, guard_copy(&guard, span_cut(in, at, SIZE_MAX)), &event);
		if (event == WIRE_EVENT_MORE || (lazy && event == WIRE_EVENT_LITERAL))
			return at;
	}
}

/* The stream arrives in pieces that end at the given places, which rise, and at its end. */
static void stream_run(struct driver *driver, struct span stream, const size_t *ends, size_t ends_n,
		       bool lazy)
{
	size_t taken = 0;

	for (size_t i = 0; i < ends_n; i++)
		taken += drive(driver, span_cut(stream, taken, ends[i] - taken), lazy);
	taken += drive(driver, span_cut(stream, taken, stream.len - taken), false);
	assert_int_equal(taken, stream.len);
}

/* Every way to cut it in up to three, and byte by byte. */
static void stream_check(struct span stream, size_t limit, bool refuse, const char *expected)
{
	size_t ends[512];

	assert_true(stream.len < 512);
	for (size_t i = 0; i <= stream.len; i++)
		ends[i] = i;
	for (size_t i = 0; i <= stream.len; i++)
		for (size_t j = i; j <= stream.len; j++) {
			struct driver driver = {.limit = limit, .refuse = refuse};

			stream_run(&driver, stream, (size_t[]){i, j}, 2, (i + j) % 2 == 0);
			assert_string_equal(driver.log, expected);
		}
	for (int lazy = 0; lazy < 2; lazy++) {
		struct driver driver = {.limit = limit, .refuse = refuse};

		stream_run(&driver, stream, ends, stream.len + 1, lazy);
		assert_string_equal(driver.log, expected);
	}
}

static void text_check(const char *stream, const char *expected)
{
	stream_check(span_of(stream), 1000, false, expected);
}

static void test_lines(void **state)
{
	(void)state;
	text_check("", "");
	text_check("a NOOP\r\n", "a NOOP\r\n|");
	text_check("a NOOP\nb NOOP\r\n\r\n\nc", "a NOOP\n|b NOOP\r\n|\r\n|\n|");
	text_check("a\rb\r\n", "a\rb\r\n|");
	stream_check((struct span){(const uint8_t *)"a\0b\r\n", 5}, 1000, false, "a0b\r\n|");
}

static void test_literals(void **state)
{
	(void)state;
	text_check("a X {3}\r\nabc\r\nb\r\n", "a X {3}\r\nabc\r\n|b\r\n|");
	text_check("a X {3+}\r\nabc {2}\n\r\n y\r\nb\r\n",
		   "a X {3+}\r\nabc {2}\n\r\n y\r\n|b\r\n|");
	text_check("a X {0}\r\n\r\nb\r\n", "a X {0}\r\n\r\n|b\r\n|");
	text_check("a X {0}\r\n{0+}\n {2+}\r\n{}\r\n", "a X {0}\r\n{0+}\n {2+}\r\n{}\r\n|");
	text_check("a X {5}\r\n{9}\r\n\r\nb\r\n", "a X {5}\r\n{9}\r\n\r\n|b\r\n|");
	text_check("a X {5}\r\n\"ab\r\n\"{2}\"\r\nb\r\n", "a X {5}\r\n\"ab\r\n\"{2}\"\r\n|b\r\n|");
	text_check("a X ~{3}\r\nabc\r\nb\r\n", "a X ~{3}\r\nabc\r\n|b\r\n|");
	text_check("a X {007}\r\n1234567\r\nb\r\n", "a X {007}\r\n1234567\r\n|b\r\n|");
	stream_check((struct span){(const uint8_t *)"a {2}\r\n\0\0\r\n", 11}, 1000, false,
		     "a {2}\r\n00\r\n|");
}

/* What looks like a literal and is none: the line is a command. */
static void test_no_literals(void **state)
{
	(void)state;
	text_check("a \"{3}\r\nb\r\n", "a \"{3}\r\n|b\r\n|");
	text_check("a \"{3}\"\r\nb\r\n", "a \"{3}\"\r\n|b\r\n|");
	text_check("a \"\\\"{3}\r\nb\r\n", "a \"\\\"{3}\r\n|b\r\n|");
	text_check("a {3} \r\nb\r\n", "a {3} \r\n|b\r\n|");
	text_check("a {3}\r\r\nb\r\n", "a {3}\r\r\n|b\r\n|");
	text_check("a {}\r\nb {+}\r\nc {x}\r\nd {-1}\r\n",
		   "a {}\r\n|b {+}\r\n|c {x}\r\n|d {-1}\r\n|");
	text_check("a {3-}\r\nb {3++}\r\nc {3+1}\r\n}\r\n3}\n",
		   "a {3-}\r\n|b {3++}\r\n|c {3+1}\r\n|}\r\n|3}\n|");
	/* The quote is closed: these are literals. */
	text_check("a \"\\\\\"{2}\r\n\r\n\r\n", "a \"\\\\\"{2}\r\n\r\n\r\n|");
	text_check("a \"{3}\"{2}\r\n\r\n\r\n", "a \"{3}\"{2}\r\n\r\n\r\n|");
	text_check("a {{2}\r\n\r\n\r\n", "a {{2}\r\n\r\n\r\n|");
	text_check("a \\{1}\r\n\"\r\nb\r\n", "a \\{1}\r\n\"\r\n|b\r\n|");
}

static void test_refused(void **state)
{
	(void)state;
	/* The client awaits an answer to the first; the second sends on. */
	stream_check(span_of("a X {3}\r\nb\r\n"), 1000, true, "DROPPED|b\r\n|");
	stream_check(span_of("a X {3+}\r\nb\r\r\nb\r\n"), 1000, true, "DROPPED|b\r\n|");
	stream_check(span_of("a X {3+}\r\n\n\n\n \"{9}\r\nb\r\n"), 1000, true, "DROPPED|b\r\n|");
	stream_check(span_of("a X {3+}\r\n\n\n\n {2+}\n\r\n{9}x\r\nb\r\n"), 1000, true,
		     "DROPPED|b\r\n|");
	stream_check(span_of("a X {3+}\r\n\n\n\n {2}\r\nb\r\n"), 1000, true, "DROPPED|b\r\n|");
	stream_check(span_of("a X {0+}\r\n\r\nb\r\n"), 1000, true, "DROPPED|b\r\n|");
}

static void test_too_long(void **state)
{
	(void)state;
	stream_check(span_of("a234567890123456\r\nb\r\n"), 16, false, "DROPPED|b\r\n|");
	stream_check(span_of("a2345678901234\r\nb\r\n"), 16, false, "a2345678901234\r\n|b\r\n|");
	stream_check(span_of("a 4567890 \"{3}\"  \\\r\nb\r\n"), 16, false, "DROPPED|b\r\n|");
	stream_check(span_of("a 4567890 \"  \\\"{3+}\r\nb\r\n"), 16, false, "DROPPED|b\r\n|");
	stream_check(span_of("a 45678901234567 {2+}\r\n\n\nx\r\nb\r\n"), 16, false,
		     "DROPPED|b\r\n|");
	stream_check(span_of("a 45678901234567 {2}\r\nb\r\n"), 16, false, "DROPPED|b\r\n|");
	stream_check(span_of("a {5+}\r\n34567 1234\r\nb\r\n"), 16, false, "DROPPED|b\r\n|");
	stream_check(span_of("a {9+}\r\n\n\n\n\n\n\n\n\n\n{1+}\r\n\n\r\nb\r\n"), 16, false,
		     "DROPPED|b\r\n|");
	stream_check(span_of("a {2+}\r\n\n\n{1+}\r\n\n123\r\nb\r\n"), 16, false, "DROPPED|b\r\n|");
	stream_check(span_of("a {9}\r\nb\r\n"), 16, false, "DROPPED|b\r\n|");
}

static void test_huge_literals(void **state)
{
	static const struct {
		const char *in;
		uint64_t literal;
		bool synchronising;
	} cases[] = {
		{"a {18446744073709551615}\r\n", UINT64_MAX, true},
		{"a {18446744073709551616}\r\n", UINT64_MAX, true},
		{"a {99999999999999999999999999+}\r\n", UINT64_MAX, false},
		{"a {4294967296+}\r\n", 4294967296, false},
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct wire_collector collector = {0};
		struct span in = span_of(cases[i].in), command;
		size_t taken;
		bool ended;

		assert_int_equal(wire_collect(&collector, in, &taken, &command),
				 WIRE_EVENT_LITERAL);
		assert_int_equal(collector.literal, cases[i].literal);
		assert_int_equal(collector.synchronising, cases[i].synchronising);
		if (i % 2 == 0) {
			taken += wire_collector_refuse(&collector, &ended);
			assert_int_equal(taken, in.len);
			assert_int_equal(ended, cases[i].synchronising);
			continue;
		}
		/* Even accepted, no buffer that can be lent holds them. */
		wire_collector_accept(&collector);
		assert_int_equal(
			wire_collect(&collector, span_cut(in, taken, in.len), &taken, &command),
			WIRE_EVENT_FULL);
		assert_int_equal(collector.need, UINT32_MAX);
		assert_int_equal(wire_collector_skip(&collector), in.len);
	}
}

/* A command that lies in one span is never copied, literals and all. */
static void test_in_place(void **state)
{
	struct wire_collector collector = {0};
	struct span in = span_of("a LOGIN {1+}\r\nu {1+}\r\np\r\nb NOOP\r\n"), command;
	size_t taken;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(wire_collect(&collector, in, &taken, &command),
				 WIRE_EVENT_LITERAL);
		assert_ptr_equal(command.ptr, in.ptr);
		assert_int_equal(taken, 0);
		wire_collector_accept(&collector);
	}
	assert_int_equal(wire_collect(&collector, in, &taken, &command), WIRE_EVENT_COMMAND);
	assert_ptr_equal(command.ptr, in.ptr);
	assert_int_equal(taken, command.len);
	wire_collector_done(&collector);
	assert_int_equal(collector.len, 0);
}

/* After a command that was collected, the buffer serves the next one. */
static void test_buffer_stays(void **state)
{
	struct wire_collector collector = {0};
	uint8_t buffer[16];
	struct span command;
	size_t taken;

	(void)state;
	wire_collector_buffer(&collector, buffer, sizeof(buffer));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(wire_collect(&collector, span_of("a NO"), &taken, &command),
				 WIRE_EVENT_MORE);
		assert_int_equal(collector.len, 4);
		assert_int_equal(wire_collect(&collector, span_of("OP\r\nb"), &taken, &command),
				 WIRE_EVENT_COMMAND);
		assert_int_equal(taken, 4);
		assert_ptr_equal(command.ptr, buffer);
		assert_int_equal(command.len, 8);
		wire_collector_done(&collector);
	}
	wire_collector_buffer(&collector, NULL, 0);
	assert_int_equal(wire_collect(&collector, span_of("a"), &taken, &command), WIRE_EVENT_FULL);
	assert_int_equal(collector.need, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),	    cmocka_unit_test(test_literals),
		cmocka_unit_test(test_no_literals), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_long),    cmocka_unit_test(test_huge_literals),
		cmocka_unit_test(test_in_place),    cmocka_unit_test(test_buffer_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
