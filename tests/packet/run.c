/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum { LAST = 12 };

struct run {
	const char *path;
	FILE *trace;
	char *message; /* of RUN_MESSAGE_MAX, empty while all is well */
	char last[LAST][PACKET_TEXT_MAX + 40];
	unsigned last_n;
	struct setup setup;
	struct host *host;
	uint64_t at_ns; /* when the line before was over */
};

static double ms_of(const struct run *run, uint64_t ns)
{
	return (double)(ns - (run->host != NULL ? run->host->start_ns : 0)) / 1e6;
}

__attribute__((format(printf, 3, 4))) static bool fail(struct run *run, unsigned number,
						       const char *format, ...)
{
	size_t n;
	va_list arguments;

	if (run->message[0] != 0)
		return false;
	n = (size_t)snprintf(run->message, RUN_MESSAGE_MAX, "%s:%u: ", run->path, number);
	va_start(arguments, format);
	n += (size_t)vsnprintf(run->message + n, RUN_MESSAGE_MAX - n, format, arguments);
	va_end(arguments);
	for (unsigned i = run->last_n > LAST ? run->last_n - LAST : 0;
	     i < run->last_n && n < RUN_MESSAGE_MAX; i++)
		n += (size_t)snprintf(run->message + n, RUN_MESSAGE_MAX - n, "\n\t%s",
				      run->last[i % LAST]);
	return false;
}

static void trace_packet(void *to, const struct host *host, bool out, unsigned peer,
			 const struct packet *packet)
{
	struct run *run = to;
	char text[PACKET_TEXT_MAX], *line = run->last[run->last_n++ % LAST], number[16] = "";

	packet_print(packet, text);
	if (peer > 0)
		snprintf(number, sizeof(number), "[%u] ", peer + 1);
	snprintf(line, sizeof(run->last[0]), "%10.3f ms  %s%c %s", ms_of(run, host->clock.mono_ns),
		 number, out ? '>' : '<', text);
	if (run->trace != NULL)
		fprintf(run->trace, "%s\n", line);
}

/* --- What came, against what was said --- */

static bool flags_equal(const struct packet *said, const struct packet *came)
{
	uint8_t looked_at = 0xff;

	/* Where PSH falls is the sender's business unless the script wants it. */
	if (!(said->flags & PSH))
		looked_at &= (uint8_t)~PSH;
	return (said->flags & looked_at) == (came->flags & looked_at);
}

static bool blocks_equal(const struct packet *said, const struct packet *came)
{
	return said->blocks_n == came->blocks_n &&
	       memcmp(said->blocks, came->blocks, said->blocks_n * sizeof(said->blocks[0])) == 0;
}

/* The first thing that differs, or NULL. */
static const char *difference(const struct line *line, const struct packet *came)
{
	const struct packet *said = &line->packet;

	if (!flags_equal(said, came))
		return "flags";
	if (said->seq != came->seq)
		return "sequence";
	if (said->len != came->len)
		return "length";
	if ((said->flags & ACK) && said->ack != came->ack)
		return "acknowledgement";
	if ((said->has & HAS_WINDOW) && said->window != came->window)
		return "window";
	if ((said->has & HAS_MSS) && (!(came->has & HAS_MSS) || said->mss != came->mss))
		return "mss";
	if ((said->has & HAS_SHIFT) && (!(came->has & HAS_SHIFT) || said->shift != came->shift))
		return "wscale";
	if ((said->has & HAS_SACK_OK) && !(came->has & HAS_SACK_OK))
		return "sackok";
	if ((said->has & HAS_TIMESTAMPS) && !(came->has & HAS_TIMESTAMPS))
		return "ts";
	if ((said->has & HAS_VALUE) && said->value != came->value)
		return "timestamp";
	if ((said->has & HAS_ECHO) && said->echo != came->echo)
		return "echo of the timestamp";
	if ((said->has & HAS_SACK) && !blocks_equal(said, came))
		return "sack blocks";
	if ((said->has & HAS_ECN) && said->ecn != came->ecn)
		return "ecn";
	if (line->denied & came->has)
		return "an option that should not be there";
	return NULL;
}

static const struct sent *sent_next(const struct host *host)
{
	return host->sent_at < host->sent_n ? &host->sent[host->sent_at] : NULL;
}

static bool sent_waits(const struct host *host)
{
	return host->sent_at < host->sent_n || host->fault[0] != 0;
}

static bool fault_check(struct run *run, const struct line *line)
{
	if (run->host->fault[0] != 0)
		return fail(run, line->number, "%s", run->host->fault);
	return true;
}

/* Nothing has happened that the script did not speak of. */
static bool quiet(struct run *run, const struct line *line)
{
	const struct sent *sent = sent_next(run->host);
	char text[PACKET_TEXT_MAX];

	if (!fault_check(run, line))
		return false;
	if (sent != NULL) {
		packet_print(&sent->packet, text);
		return fail(run, line->number,
			    "before this line nobody expected\n\tcame      [%u] > %s\n"
			    "\tafter %.3f ms; the last packets:",
			    sent->peer + 1, text, (double)(sent->at_ns - run->at_ns) / 1e6);
	}
	for (unsigned i = 0; i < SCRIPT_PEERS; i++)
		if (run->host->peers[i].session.end_unseen)
			return fail(run, line->number,
				    "before this line nobody expected that [%u] %s (reason %d)",
				    i + 1, run->host->peers[i].session.closed ? "closed" : "failed",
				    run->host->peers[i].session.reason);
	return true;
}

static bool run_out(struct run *run, const struct line *line)
{
	struct host *host = run->host;
	uint64_t from_ns = run->at_ns + line->from_ns, to_ns = run->at_ns + line->to_ns;
	const struct sent *sent;
	char said[PACKET_TEXT_MAX], came[PACKET_TEXT_MAX];
	const char *what;

	host_turn(host);
	if (line->timed && !sent_waits(host))
		host_pass(host, to_ns, sent_waits);
	if (!fault_check(run, line))
		return false;
	packet_print(&line->packet, said);
	sent = sent_next(host);
	if (sent == NULL)
		return fail(run, line->number,
			    "expected  [%u] > %s\n\tcame      nothing within %.3f ms; "
			    "the last packets:",
			    line->peer + 1, said, (double)(line->timed ? line->to_ns : 0) / 1e6);
	host->sent_at++;
	packet_print(&sent->packet, came);
	what = sent->peer != line->peer ? "peer" : difference(line, &sent->packet);
	if (what == NULL && line->timed && (sent->at_ns < from_ns || sent->at_ns > to_ns))
		what = "time";
	if (what == NULL && !line->timed && sent->at_ns != run->at_ns)
		what = "time";
	if (what != NULL)
		return fail(run, line->number,
			    "expected  [%u] > %s\n\tcame      [%u] > %s\n\tafter %.3f ms; "
			    "the %s differs; the last packets:",
			    line->peer + 1, said, sent->peer + 1, came,
			    (double)(sent->at_ns - run->at_ns) / 1e6, what);
	run->at_ns = sent->at_ns;
	return true;
}

/* --- What the script looks at --- */

static bool holds(uint64_t value, enum compare compare, uint64_t wanted)
{
	switch (compare) {
	case EQUAL:
		return value == wanted;
	case LESS:
		return value < wanted;
	case MORE:
		return value > wanted;
	case LESS_EQUAL:
		return value <= wanted;
	case MORE_EQUAL:
		return value >= wanted;
	default:
		return value != wanted;
	}
}

static bool run_number(struct run *run, const struct line *line)
{
	const char *name = line->arguments[0].word;
	uint64_t value = 0;
	bool known = line->verb == V_STAT ? host_counter(run->host, name, &value)
					  : host_value(run->host, line->peer, name, &value);

	if (!known)
		return fail(run, line->number, "there is no number `%s` to look at", name);
	if (!holds(value, line->arguments[1].compare, (uint64_t)line->arguments[2].number))
		return fail(run, line->number, "%s is %" PRIu64 "; the last packets:", name, value);
	return true;
}

static bool run_end(struct run *run, const struct line *line)
{
	static const char *const reasons[] = {
		[STREAM_CLOSED] = "orderly",  [STREAM_RESET] = "reset",
		[STREAM_TIMEOUT] = "timeout", [STREAM_ABORTED] = "aborted",
		[STREAM_REFUSED] = "refused",
	};
	struct session *session = &run->host->peers[line->peer].session;
	const char *wanted = line->arguments[0].word;
	const char *verb = line->verb == V_CLOSED ? "closed" : "failed";
	bool happened = line->verb == V_CLOSED ? session->closed : session->failed;

	if (!happened)
		return fail(run, line->number,
			    "expected  %s %s\n\tcame      nothing; it is %s; "
			    "the last packets:",
			    verb, wanted, host_state(run->host, line->peer));
	if (strcmp(reasons[session->reason], wanted) != 0)
		return fail(run, line->number,
			    "expected  %s %s\n\tcame      %s %s; the last packets:", verb, wanted,
			    verb, reasons[session->reason]);
	session->end_unseen = false;
	return true;
}

static bool run_look(struct run *run, const struct line *line)
{
	const struct session *session = &run->host->peers[line->peer].session;
	const char *state = host_state(run->host, line->peer);

	if (line->verb == V_OPENED && !session->opened)
		return fail(run, line->number, "it has not opened; the last packets:");
	if (line->verb == V_ENDED && !session->ended)
		return fail(run, line->number, "the end was not told; the last packets:");
	if (line->verb == V_CONSUMED && session->consumed != (uint64_t)line->arguments[0].number)
		return fail(run, line->number, "%" PRIu64 " bytes were consumed; the last packets:",
			    session->consumed);
	if (line->verb == V_STATE && strcmp(state, line->arguments[0].word) != 0)
		return fail(run, line->number, "the state is %s; the last packets:", state);
	return true;
}

/* --- What the script does --- */

static bool run_write(struct run *run, const struct line *line)
{
	const char *then = line->arguments_n > 1 ? line->arguments[1].word : "";
	enum stream_state finally = STREAM_DONE;

	if (strcmp(then, "close") == 0)
		finally = STREAM_CLOSE;
	else if (then[0] != 0)
		return fail(run, line->number, "it is `write N close`, not `%s`", then);
	host_write(run->host, line->peer, (uint64_t)line->arguments[0].number, finally);
	return true;
}

static bool run_read(struct run *run, const struct line *line)
{
	const char *word = line->arguments[0].word;
	uint64_t n = strtoull(word, NULL, 10);

	if (strcmp(word, "all") == 0)
		n = UINT64_MAX;
	else if (n == 0 && strcmp(word, "none") != 0)
		return fail(run, line->number, "`%s` is neither a number nor all nor none", word);
	host_read(run->host, line->peer, n);
	return true;
}

static bool run_peer(struct run *run, const struct line *line)
{
	struct peer *peer = &run->host->peers[line->peer];
	unsigned a, b, c, d;
	int used = 0;

	if (sscanf(line->arguments[0].word, "%u.%u.%u.%u%n", &a, &b, &c, &d, &used) != 4 ||
	    line->arguments[0].word[used] != 0)
		return fail(run, line->number, "`%s` is no address", line->arguments[0].word);
	peer->addr[12] = (uint8_t)a;
	peer->addr[13] = (uint8_t)b;
	peer->addr[14] = (uint8_t)c;
	peer->addr[15] = (uint8_t)d;
	peer->port = (uint16_t)line->arguments[1].number;
	return true;
}

static bool run_icmp(struct run *run, const struct line *line)
{
	uint32_t mtu = line->arguments_n > 2 ? (uint32_t)line->arguments[2].number : 0;

	if (!host_icmp(run->host, line->peer, line->arguments[0].word,
		       (uint32_t)line->arguments[1].number, mtu))
		return fail(run, line->number, "no ICMP error is called `%s`",
			    line->arguments[0].word);
	return true;
}

static bool run_status(struct run *run, const struct line *line, int status)
{
	if (status != 0)
		return fail(run, line->number, "it failed: %s", strerror(-status));
	return true;
}

static bool run_act(struct run *run, const struct line *line)
{
	struct host *host = run->host;
	struct peer *peer = &host->peers[line->peer];

	switch (line->verb) {
	case V_PEER:
		return run_peer(run, line);
	case V_LISTEN:
		return run_status(run, line, host_listen(host));
	case V_CONNECT:
		return run_status(run, line, host_connect(host, line->peer));
	case V_AGAIN:
		peer->numbered = false;
		return true;
	case V_ICMP:
		return run_icmp(run, line);
	case V_MTU:
		host->mtu = (uint32_t)line->arguments[0].number;
		return true;
	case V_REFUSE:
		host->refuse = true;
		return true;
	case V_WRITE:
		return run_write(run, line);
	case V_CLOSE:
		host_write(host, line->peer, 0, STREAM_CLOSE);
		return true;
	case V_ABORT:
		host_abort(host, line->peer);
		return true;
	case V_READ:
		return run_read(run, line);
	default:
		tcp_drain(host->tcp, 1, 0);
		return true;
	}
}

static bool run_forget(struct run *run, const struct line *line)
{
	uint64_t ns = line->arguments_n > 0 ? line->arguments[0].ns : 0;

	host_pass(run->host, run->at_ns + line->from_ns + ns, NULL);
	run->host->sent_at = run->host->sent_n = 0;
	run->at_ns = run->host->clock.mono_ns;
	return fault_check(run, line);
}

static bool end_unseen(const struct host *host)
{
	for (unsigned i = 0; i < SCRIPT_PEERS; i++)
		if (host->peers[i].session.end_unseen)
			return true;
	return sent_waits(host);
}

/* An ending with a time: it comes then and not before. */
static bool run_end_timed(struct run *run, const struct line *line)
{
	struct host *host = run->host;

	host_turn(host);
	if (line->timed && !end_unseen(host))
		host_pass(host, run->at_ns + line->to_ns, end_unseen);
	if (!run_end(run, line))
		return false;
	if (line->timed && host->clock.mono_ns < run->at_ns + line->from_ns)
		return fail(run, line->number, "it came too early, after %.3f ms",
			    (double)(host->clock.mono_ns - run->at_ns) / 1e6);
	run->at_ns = host->clock.mono_ns;
	return fault_check(run, line);
}

/* Time passes before what the script does, and nothing may happen in it. */
static bool run_wait(struct run *run, const struct line *line, uint64_t ns)
{
	if (line->with)
		return true;
	host_turn(run->host);
	if (!quiet(run, line))
		return false;
	if (ns > 0)
		host_pass(run->host, run->at_ns + ns, end_unseen);
	if (!quiet(run, line))
		return false;
	run->at_ns = run->host->clock.mono_ns;
	return true;
}

static bool run_config(struct run *run, const struct line *line)
{
	if (run->host != NULL)
		return fail(run, line->number, "config comes before everything else");
	if (!host_config(&run->setup, line->arguments[0].word, line->arguments[1].word))
		return fail(run, line->number, "`%s` cannot be set to `%s`",
			    line->arguments[0].word, line->arguments[1].word);
	return true;
}

static bool host_start(struct run *run, const struct line *line)
{
	int status = host_create(&run->setup, &run->host);

	if (status != 0)
		return fail(run, line->number, "no TCP can be made like that: %s",
			    strerror(-status));
	run->host->trace = trace_packet;
	run->host->trace_to = run;
	run->at_ns = run->host->clock.mono_ns;
	return true;
}

static bool run_line(struct run *run, const struct line *line)
{
	if (line->verb == V_CONFIG)
		return run_config(run, line);
	if (run->host == NULL && !host_start(run, line))
		return false;
	switch (line->verb) {
	case V_OUT:
		return run_out(run, line);
	case V_FORGET:
		return run_forget(run, line);
	case V_SILENCE:
		return run_wait(run, line, line->arguments[0].ns);
	case V_CLOSED:
	case V_FAILED:
		return run_end_timed(run, line);
	case V_STAT:
	case V_VALUE:
		host_turn(run->host);
		return run_number(run, line) && fault_check(run, line);
	case V_OPENED:
	case V_ENDED:
	case V_CONSUMED:
	case V_STATE:
		host_turn(run->host);
		return run_look(run, line) && fault_check(run, line);
	case V_IN:
		if (!run_wait(run, line, line->timed ? line->from_ns : 0))
			return false;
		host_packet(run->host, line->peer, &line->packet);
		return fault_check(run, line);
	default:
		if (!run_wait(run, line, line->timed ? line->from_ns : 0))
			return false;
		host_deliver(run->host);
		return run_act(run, line) && fault_check(run, line);
	}
}

bool run_script(const char *path, FILE *trace, char message_r[RUN_MESSAGE_MAX])
{
	struct run run = {.path = path, .trace = trace, .message = message_r};
	struct script *script = script_read(path);
	const struct line *last = NULL;
	bool passed = true;

	message_r[0] = 0;
	host_defaults(&run.setup);
	if (script == NULL)
		return fail(&run, 0, "cannot be read");
	if (script->error[0] != 0) {
		snprintf(message_r, RUN_MESSAGE_MAX, "%s:%s", path, script->error);
		passed = false;
	}
	for (unsigned i = 0; i < script->lines_n && passed; i++) {
		last = &script->lines[i];
		passed = run_line(&run, last);
	}
	if (passed && run.host == NULL)
		passed = fail(&run, last->number, "nothing happens in it");
	if (passed)
		passed = run_wait(&run, last, 0) || (last->with && quiet(&run, last));
	if (passed) {
		host_turn(run.host);
		passed = quiet(&run, last);
	}
	if (!host_destroy(&run.host) && passed)
		passed = fail(&run, last->number, "buffers or sessions are lost at the end");
	script_free(&script);
	return passed;
}
