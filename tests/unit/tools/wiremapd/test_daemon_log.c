/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon_log.h"

/* Standard error during a test is a pipe whose other end is read here. */
static int stderr_was, read_end;

static int capture(void **state)
{
	int ends[2];

	(void)state;
	stderr_was = dup(STDERR_FILENO);
	if (pipe2(ends, O_CLOEXEC) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
		return -1;
	close(ends[1]);
	read_end = ends[0];
	return fcntl(read_end, F_SETFL, O_NONBLOCK);
}

static int release(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	dup2(stderr_was, STDERR_FILENO);
	close(stderr_was);
	close(read_end);
	return 0;
}

static const char *written(void)
{
	static char text[1 << 17];
	ssize_t n = read(read_end, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void test_lines_have_a_time_and_a_level(void **state)
{
	struct daemon_log log;
	const char *text;
	int year, milliseconds, end = 0;

	(void)state;
	daemon_log_init(&log, LOG_LEVEL_INFO);
	log_line(&log.log, LOG_LEVEL_DEBUG, "not this");
	log_line(&log.log, LOG_LEVEL_WARNING, "queue %d", 7);
	text = written();
	assert_int_equal(sscanf(text, "%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%3dZ warning: queue 7%n", &year,
				&milliseconds, &end),
			 2);
	assert_true(year >= 2024);
	assert_string_equal(text + end, "\n");
}

/* A line that fills the limit is cut, not run together with the next. */
static void test_long_lines_are_cut(void **state)
{
	char *endless = malloc(5000);
	struct daemon_log log;
	const char *text;

	(void)state;
	memset(endless, 'x', 4999);
	endless[4999] = '\0';
	daemon_log_init(&log, LOG_LEVEL_INFO);
	log_line(&log.log, LOG_LEVEL_ERROR, "%s", endless);
	log.log.write(&log.log, LOG_LEVEL_ERROR, endless);
	text = written();
	assert_true(strlen(text) < 2 * (LOG_LINE_BYTES_MAX + 64));
	assert_non_null(strchr(text, '\n'));
	assert_ptr_equal(strrchr(text, '\n'), text + strlen(text) - 1);
	free(endless);
}

static void test_journal_gets_priorities(void **state)
{
	struct daemon_log log;
	struct stat status;
	char stream[64];

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	daemon_log_init(&log, LOG_LEVEL_INFO);
	log_line(&log.log, LOG_LEVEL_ERROR, "bad");
	log_line(&log.log, LOG_LEVEL_INFO, "good");
	assert_string_equal(written(), "<3>bad\n<6>good\n");
	/* Inherited by a process whose standard error is something else. */
	setenv("JOURNAL_STREAM", "1:2", 1);
	daemon_log_init(&log, LOG_LEVEL_INFO);
	assert_false(log.journal);
}

/* Detached, a line waits in the pipe until it is pumped; what does not fit is counted and said,
 * and the writer is never held up. */
static void test_detached_lines_never_block(void **state)
{
	struct daemon_log log;
	const char *text;

	(void)state;
	daemon_log_init(&log, LOG_LEVEL_INFO);
	assert_int_equal(daemon_log_detach(&log), 0);
	log_line(&log.log, LOG_LEVEL_INFO, "first");
	assert_string_equal(written(), "");
	daemon_log_pump(&log);
	assert_non_null(strstr(written(), "info: first\n"));

	for (unsigned k = 0; k < 10000; k++)
		log_line(&log.log, LOG_LEVEL_INFO, "line %u", k);
	assert_true(log.dropped > 0);
	/* The captured standard error holds a pipe's worth as well: room first. */
	assert_int_equal(fcntl(read_end, F_SETPIPE_SZ, 1 << 18) > 0, 1);
	daemon_log_attach(&log);
	text = written();
	assert_non_null(strstr(text, "line 0\n"));
	log_line(&log.log, LOG_LEVEL_INFO, "last");
	assert_non_null(strstr(written(), "last\n"));
	assert_int_equal(log.pipe_read, -1);
}

int main(void)
{
#define CAPTURED(test) cmocka_unit_test_setup_teardown(test, capture, release)
	const struct CMUnitTest tests[] = {
		CAPTURED(test_lines_have_a_time_and_a_level),
		CAPTURED(test_long_lines_are_cut),
		CAPTURED(test_journal_gets_priorities),
		CAPTURED(test_detached_lines_never_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
