/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ready.h"

/* An abstract socket, as systemd's may be; its name ends with the process id. */
static void test_notifies(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[64], text[64];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ssize_t n;

	(void)state;
	snprintf(name, sizeof(name), "@wiremap-test-%d", (int)getpid());
	memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
			 0);
	setenv("NOTIFY_SOCKET", name, 1);
	ready_notify("READY=1");
	n = recv(fd, text, sizeof(text), 0);
	assert_int_equal(n, 7);
	assert_memory_equal(text, "READY=1", 7);

	unsetenv("NOTIFY_SOCKET");
	ready_notify("READY=1");
	assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
	close(fd);
}

static void test_tells_and_closes(void **state)
{
	char text[16];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	ready_tell(ends[1]);
	assert_int_equal(read(ends[0], text, sizeof(text)), 6);
	assert_memory_equal(text, "ready\n", 6);
	assert_int_equal(read(ends[0], text, sizeof(text)), 0); /* closed */
	assert_int_equal(fcntl(ends[1], F_GETFD), -1);
	close(ends[0]);
	ready_tell(-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notifies),
		cmocka_unit_test(test_tells_and_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
