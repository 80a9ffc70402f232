/* SPDX-License-Identifier: Apache-2.0 */
#include "capture.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum {
	BURST = 64,
	/* Between looks at an empty ring, which holds 3 ms of full frames at 10 Gb/s. */
	PAUSE_NS = 1000 * 1000,
};

static uint64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

static bool goes_on(const struct capture *capture, uint64_t until_s, uint64_t written)
{
	return !__atomic_load_n(&capture->stop, __ATOMIC_ACQUIRE) &&
	       (capture->limits.seconds == 0 || now_s() < until_s) &&
	       (capture->limits.packets == 0 || written < capture->limits.packets);
}

static unsigned portion(const struct capture *capture, uint64_t written)
{
	uint64_t left = capture->limits.packets - written;

	/* 0 when all are written: then there is nothing to write. */
	return capture->limits.packets != 0 && left < BURST ? (unsigned)left : BURST;
}

static void *capture_main(void *arg)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct capture *capture = arg;
	const uint64_t until_s = now_s() + capture->limits.seconds;
	const uint64_t one = 1;
	uint64_t written = 0;
	int n = 0;

	while (n >= 0 && goes_on(capture, until_s, written)) {
		n = port_tap_write(capture->tap, portion(capture, written));
		if (n == 0)
			nanosleep(&pause, NULL);
		else if (n > 0)
			written += (uint64_t)n;
	}
	port_tap_stop(capture->tap);
	while (n >= 0 && (n = port_tap_write(capture->tap, portion(capture, written))) > 0)
		written += (uint64_t)n;
	capture->status = n < 0 ? n : 0;
	port_tap_finish(capture->tap, &capture->stats);
	if (write(capture->done, &one, sizeof(one)) != (ssize_t)sizeof(one))
		check_failed("capture: eventfd\n");
	return NULL;
}

int capture_start(struct capture *capture, struct port_tap *tap,
		  const struct port_tap_filter *filter, const struct capture_limits *limits, int fd)
{
	int status;

	if (capture->running)
		return -EBUSY;
	if (capture->done < 0)
		capture->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (capture->done < 0)
		return -errno;
	status = port_tap_start(tap, filter, fd);
	if (status != 0)
		return status;
	capture->tap = tap;
	capture->limits = *limits;
	__atomic_store_n(&capture->stop, false, __ATOMIC_RELEASE);
	status = -pthread_create(&capture->thread, NULL, capture_main, capture);
	if (status != 0) {
		port_tap_stop(tap);
		port_tap_finish(tap, &capture->stats);
		return status;
	}
	capture->fd = fd;
	capture->running = true;
	return 0;
}

void capture_stop(struct capture *capture)
{
	__atomic_store_n(&capture->stop, true, __ATOMIC_RELEASE);
}

void capture_join(struct capture *capture)
{
	uint64_t ignored;

	ASSERT(capture->running);
	pthread_join(capture->thread, NULL);
	if (read(capture->done, &ignored, sizeof(ignored)) < 0)
		ASSERT(errno == EAGAIN);
	close(capture->fd);
	capture->running = false;
}
