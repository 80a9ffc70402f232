/* SPDX-License-Identifier: Apache-2.0 */
/* A port on the loopback device of a network namespace that this test makes: sleeping on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <net/if.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "eal.h"
#include "packet_socket.h"
#include "port.h"

enum { FRAMES = 3000, FRAME_BYTES = 60, WAIT_MS = 5000, QUIET_MS = 30, QUEUES = 2 };

static struct rte_mempool *pool;
static bool may_run;

static void lo_up(void)
{
	struct ifreq request = {.ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "lo");
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static void send_frame(struct port *port)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(pool);

	assert_non_null(frame);
	memset(rte_pktmbuf_append(frame, FRAME_BYTES), 0, FRAME_BYTES);
	port_transmit(port, 0, &frame, 1);
}

static unsigned receive_all(struct port *port)
{
	struct rte_mbuf *frames[PORT_BURST_MAX];
	unsigned total = 0;

	for (unsigned queue = 0; queue < QUEUES; queue++) {
		unsigned n;

		while ((n = port_receive(port, queue, frames, PORT_BURST_MAX)) > 0) {
			rte_pktmbuf_free_bulk(frames, n);
			total += n;
		}
	}
	return total;
}

static struct port *open_lo(bool rx_interrupts)
{
	const struct port_config config = {.device = "net_af_packet0,iface=lo,qpairs=2",
					   .queues = QUEUES,
					   .rx_interrupts = rx_interrupts};
	struct port_error error = {""};
	struct port *port;

	if (port_open(&config, NULL, &port, &error) != 0)
		fail_msg("%s", error.text);
	return port;
}

/* One frame, one event; seen or not, it does not wake twice. */
static void test_a_frame_wakes_once(void **state)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	struct port *port;
	int set = epoll_create1(0);

	(void)state;
	if (!may_run)
		skip();
	port = open_lo(true);
	assert_int_not_equal(port_interrupt_fd(port, 0), port_interrupt_fd(port, 1));
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		int fd = port_interrupt_fd(port, queue);

		assert_true(fd >= 0);
		assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
	}
	for (unsigned round = 0; round < 5; round++) {
		receive_all(port);
		assert_int_equal(port_interrupt_arm(port, 0), 0);
		assert_int_equal(port_interrupt_arm(port, 1), 0);
		assert_int_equal(epoll_wait(set, &event, 1, QUIET_MS), 0);
		send_frame(port);
		assert_int_equal(epoll_wait(set, &event, 1, WAIT_MS), 1);
		assert_int_equal(epoll_wait(set, &event, 1, QUIET_MS), 0);
		/* What came before the sleep is found by arming, and not lost by it. */
		assert_int_equal(port_interrupt_arm(port, 0) + port_interrupt_arm(port, 1), 1);
		port_interrupt_disarm(port, 0);
		port_interrupt_disarm(port, 1);
		assert_int_equal(receive_all(port), 1);
	}
	close(set);
	port_close(&port);
}

static void test_only_where_asked_for(void **state)
{
	struct port *port;

	(void)state;
	if (!may_run)
		skip();
	port = open_lo(false);
	assert_int_equal(port_interrupt_fd(port, 0), -1);
	port_close(&port);
	assert_int_equal(packet_socket_find(if_nametoindex("lo"), 0), -1); /* closed with it */
	assert_int_equal(packet_socket_find(0, 0), -1);
}

static int setup(void **state)
{
	(void)state;
	may_run = unshare(CLONE_NEWNET) == 0;
	if (may_run)
		lo_up();
	if (eal_start(64) != 0)
		return -1;
	pool = rte_pktmbuf_pool_create("sent", FRAMES, 0, 0, 512, 0);
	return pool == NULL ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_frame_wakes_once),
		cmocka_unit_test(test_only_where_asked_for),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
