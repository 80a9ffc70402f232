/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_MAX = 400,
	WORDS_MAX = 64,
	TOLERANCE_NS = 1100000, /* what `+200ms` may come late: the clock of timers ticks in ms */
};

/* One line on its way: what has not been read of it begins at words[at]. */
struct parse {
	struct script *script;
	unsigned number;
	char text[TEXT_MAX];
	char *words[WORDS_MAX + 1];
	unsigned at;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void wrong(struct parse *p, const char *format, ...)
{
	char *error = p->script->error;
	va_list arguments;
	int n;

	if (p->failed)
		return;
	p->failed = true;
	n = snprintf(error, SCRIPT_ERROR_MAX, "%u: ", p->number);
	va_start(arguments, format);
	vsnprintf(error + n, (size_t)(SCRIPT_ERROR_MAX - n), format, arguments);
	va_end(arguments);
}

static const char *word_next(struct parse *p)
{
	return p->words[p->at] != NULL ? p->words[p->at++] : NULL;
}

static bool word_is(struct parse *p, const char *word)
{
	if (p->words[p->at] == NULL || strcmp(p->words[p->at], word) != 0)
		return false;
	p->at++;
	return true;
}

static bool number_of(const char *word, int64_t *number_r)
{
	char *end;

	if (word == NULL || *word == 0)
		return false;
	*number_r = strtoll(word, &end, 0);
	return *end == 0;
}

static uint32_t number_next(struct parse *p, const char *what)
{
	const char *word = word_next(p);
	int64_t number = 0;

	if (!number_of(word, &number))
		wrong(p, "%s takes a number, not `%s`", what, word == NULL ? "" : word);
	return (uint32_t)number;
}

/* `12ms`, `0.2s`, `24d`; *end_r: what follows. The unit may be left out if `unit_ns` is given. */
static bool duration_read(const char *text, double unit_ns, uint64_t *ns_r, const char **end_r)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"us", 1e3},   {"ms", 1e6},   {"s", 1e9},
		     {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
	char *end;
	double n = strtod(text, &end);

	if (end == text || n < 0)
		return false;
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].name);

		if (strncmp(end, units[i].name, len) == 0 && (end[len] == 0 || end[len] == '.')) {
			unit_ns = units[i].ns;
			end += len;
			break;
		}
	}
	*ns_r = (uint64_t)(n * unit_ns + 0.5);
	*end_r = end;
	return unit_ns > 0;
}

/* `+200ms`, `+180..220ms`, `+0..1s`. */
static void time_parse(struct parse *p, const char *word, struct line *line)
{
	const char *end, *dots = strstr(word, "..");
	uint64_t to_ns;
	double unit = 0;

	line->timed = true;
	if (dots != NULL && duration_read(dots + 2, 0, &to_ns, &end) && *end == 0) {
		double to = strtod(dots + 2, NULL);
		char first[SCRIPT_WORD_MAX];

		unit = to > 0 ? (double)to_ns / to : 0;
		snprintf(first, sizeof(first), "%.*s", (int)(dots - word - 1), word + 1);
		if (duration_read(first, unit, &line->from_ns, &end) && *end == 0) {
			line->to_ns = to_ns;
			return;
		}
	} else if (dots == NULL && duration_read(word + 1, 0, &line->from_ns, &end) && *end == 0) {
		line->to_ns = line->from_ns + TOLERANCE_NS;
		return;
	}
	wrong(p, "`%s` is no time: +200ms, +1s or +180..220ms", word);
}

/* `5`, `1:11`, `1:2921/1460`; the last number is the size of each, or 0. */
static uint32_t range_parse(struct parse *p, struct packet *packet)
{
	const char *word = word_next(p);
	long long from, to = 0, step = 0;
	int n = 0, used = 0;

	if (word != NULL)
		n = sscanf(word, "%lld%n:%lld%n/%lld%n", &from, &used, &to, &used, &step, &used);
	if (n < 1 || word[used] != 0 || (n > 1 && to < from) || (n == 3 && step <= 0)) {
		wrong(p, "`%s` is no sequence: 5, 1:11 or 1:2921/1460", word == NULL ? "" : word);
		return 0;
	}
	packet->seq = (uint32_t)from;
	packet->len = n > 1 ? (uint32_t)(to - from) : 0;
	return (uint32_t)step;
}

static void blocks_parse(struct parse *p, struct packet *packet)
{
	int from, to, used = 0;

	packet->has |= HAS_SACK;
	while (p->words[p->at] != NULL && packet->blocks_n < PACKET_BLOCKS &&
	       sscanf(p->words[p->at], "%d:%d%n", &from, &to, &used) == 2 &&
	       p->words[p->at][used] == 0) {
		packet->blocks[packet->blocks_n][0] = (uint32_t)from;
		packet->blocks[packet->blocks_n++][1] = (uint32_t)to;
		p->at++;
	}
	if (packet->blocks_n == 0)
		wrong(p, "sack takes 1 to %u ranges", PACKET_BLOCKS);
}

static void raw_parse(struct parse *p, struct packet *packet)
{
	const char *word = word_next(p);
	unsigned byte;
	int used;

	packet->has |= HAS_RAW;
	for (; word != NULL && *word != 0; word += used) {
		used = 0;
		if (packet->raw_n == PACKET_OPTIONS_MAX ||
		    sscanf(word, "%2x%n", &byte, &used) != 1 || used != 2) {
			wrong(p, "hex takes up to %u bytes: hex 0204", PACKET_OPTIONS_MAX);
			return;
		}
		packet->raw[packet->raw_n++] = (uint8_t)byte;
	}
}

/* The number behind `word` if that comes next. */
static bool field(struct parse *p, const char *word, uint32_t *number_r)
{
	if (!word_is(p, word))
		return false;
	*number_r = number_next(p, word);
	return true;
}

static bool ecn_parse(struct parse *p, struct packet *packet)
{
	static const char *const names[] = {"noect", "ect1", "ect0", "ce"};

	for (uint8_t i = 0; i < 4; i++) {
		if (word_is(p, names[i])) {
			packet->has |= HAS_ECN;
			packet->ecn = i;
			return true;
		}
	}
	return false;
}

static bool denied_parse(struct parse *p, struct line *line)
{
	static const struct {
		const char *word;
		uint32_t has;
	} names[] = {{"!mss", HAS_MSS},	      {"!wscale", HAS_SHIFT}, {"!sackok", HAS_SACK_OK},
		     {"!ts", HAS_TIMESTAMPS}, {"!sack", HAS_SACK},    {"bare", HAS_OPTIONS}};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (word_is(p, names[i].word)) {
			line->denied |= names[i].has;
			if (names[i].has & HAS_TIMESTAMPS)
				line->packet.has |= HAS_NO_TIMESTAMPS;
			return true;
		}
	}
	return false;
}

static void timestamps_parse(struct parse *p, struct packet *packet)
{
	int64_t number;

	packet->has |= HAS_TIMESTAMPS;
	if (number_of(p->words[p->at], &number)) {
		packet->has |= HAS_VALUE;
		packet->value = number_next(p, "ts");
	}
}

/* One word of a segment, and what belongs to it. */
static void packet_word(struct parse *p, struct line *line)
{
	struct packet *packet = &line->packet;
	uint32_t n;

	if (field(p, "ack", &packet->ack))
		return;
	if (field(p, "ecr", &packet->echo)) {
		packet->has |= HAS_TIMESTAMPS | HAS_ECHO;
		return;
	}
	if (field(p, "win", &packet->window)) {
		packet->has |= HAS_WINDOW;
	} else if (field(p, "urg", &n)) {
		packet->urgent = (uint16_t)n;
	} else if (field(p, "mss", &n)) {
		packet->has |= HAS_MSS;
		packet->mss = (uint16_t)n;
	} else if (field(p, "wscale", &n)) {
		packet->has |= HAS_SHIFT;
		packet->shift = (uint8_t)n;
	} else if (field(p, "offset", &n)) {
		packet->has |= HAS_OFFSET;
		packet->offset = (uint8_t)n;
	} else if (word_is(p, "sackok")) {
		packet->has |= HAS_SACK_OK;
	} else if (word_is(p, "ts")) {
		timestamps_parse(p, packet);
	} else if (word_is(p, "sack")) {
		blocks_parse(p, packet);
	} else if (word_is(p, "hex")) {
		raw_parse(p, packet);
	} else if (word_is(p, "forged")) {
		packet->has |= HAS_FORGED;
	} else if (!ecn_parse(p, packet) && !denied_parse(p, line)) {
		wrong(p, "`%s` means nothing in a segment", p->words[p->at]);
	}
}

static void line_add(struct parse *p, const struct line *line)
{
	struct script *script = p->script;

	if (script->lines_n == SCRIPT_LINES_MAX) {
		wrong(p, "more than %u lines", SCRIPT_LINES_MAX);
		return;
	}
	if (script->lines_n == script->room) {
		script->room = script->room > 0 ? 2 * script->room : 64;
		script->lines = realloc(script->lines, script->room * sizeof(*script->lines));
	}
	script->lines[script->lines_n++] = *line;
}

/* What follows in the same line: with it when it arrives, behind it when it leaves. */
static void line_more(struct line *line)
{
	line->with = line->verb == V_IN;
	line->timed = false;
}

static void packet_parse(struct parse *p, struct line *line)
{
	const char *flags = word_next(p);
	uint32_t step, end, times = 1;
	bool times_said = false;

	if (flags == NULL || !packet_flags_parse(flags, &line->packet.flags)) {
		wrong(p, "`%s` is no set of flags: letters of FSRPAUEC, or -", flags ? flags : "");
		return;
	}
	step = range_parse(p, &line->packet);
	while (!p->failed && p->words[p->at] != NULL) {
		if (p->words[p->at][0] == 'x' && !times_said) {
			times_said = true;
			times = (uint32_t)strtoul(p->words[p->at++] + 1, NULL, 10);
		} else {
			packet_word(p, line);
		}
	}
	if (times == 0)
		wrong(p, "x0 says nothing");
	end = line->packet.seq + line->packet.len;
	for (; times > 0 && !p->failed; times--) {
		struct line one = *line;

		do {
			uint32_t left = end - one.packet.seq;

			one.packet.len = step > 0 && step < left ? step : left;
			line_add(p, &one);
			one.packet.seq += one.packet.len;
			line_more(&one);
		} while (one.packet.seq != end && !p->failed);
		line_more(line);
	}
}

struct verb_row {
	const char *word;
	enum verb verb;
	const char *arguments; /* n number, w word, d duration, c comparison; ? the rest may miss */
	const char *manual;
};

static const struct verb_row verbs[] = {
	{"config", V_CONFIG, "ww", "config NAME VALUE"},
	{"peer", V_PEER, "wn", "peer ADDRESS PORT"},
	{"listen", V_LISTEN, "", "listen"},
	{"connect", V_CONNECT, "", "connect"},
	{"repeat", V_REPEAT, "n", "repeat N"},
	{"end", V_END, "", "end"},
	{"again", V_AGAIN, "", "again"},
	{"icmp", V_ICMP, "wn?n", "icmp frag|port|protocol|host|quench SEQ [MTU]"},
	{"silence", V_SILENCE, "d", "silence TIME"},
	{"forget", V_FORGET, "?d", "forget [TIME]"},
	{"mtu", V_MTU, "n", "mtu BYTES"},
	{"refuse", V_REFUSE, "", "refuse"},
	{"write", V_WRITE, "n?w", "write N [close]"},
	{"close", V_CLOSE, "", "close"},
	{"abort", V_ABORT, "", "abort"},
	{"read", V_READ, "w", "read N|all|none"},
	{"drain", V_DRAIN, "", "drain"},
	{"opened", V_OPENED, "", "opened"},
	{"consumed", V_CONSUMED, "n", "consumed N"},
	{"ended", V_ENDED, "", "ended"},
	{"closed", V_CLOSED, "w", "closed orderly|reset|timeout|aborted"},
	{"failed", V_FAILED, "w", "failed refused|timeout|aborted"},
	{"state", V_STATE, "w", "state ESTABLISHED"},
	{"stat", V_STAT, "wcn", "stat COUNTER == N"},
	{"value", V_VALUE, "wcn", "value cwnd|ssthresh|mss|srtt_us|rto_us == N"},
};

/* What lies between `repeat N` and `end` stands there N times. */
static void repeat_parse(struct parse *p, const struct line *line)
{
	struct script *script = p->script;
	unsigned first = script->repeat_first, n = script->lines_n - first;

	if (line->verb == V_REPEAT && script->repeat_n == 0 && line->arguments[0].number > 0) {
		script->repeat_first = script->lines_n;
		script->repeat_n = (unsigned)line->arguments[0].number;
		return;
	}
	if (line->verb == V_REPEAT || script->repeat_n == 0) {
		wrong(p, "repeat N and end come in turn");
		return;
	}
	for (unsigned i = 1; i < script->repeat_n; i++) {
		for (unsigned at = 0; at < n && !p->failed; at++) {
			struct line again = script->lines[first + at];

			line_add(p, &again);
		}
	}
	script->repeat_n = 0;
}

static bool compare_parse(const char *word, enum compare *compare_r)
{
	static const char *const names[] = {"==", "<", ">", "<=", ">=", "!="};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(word, names[i]) == 0) {
			*compare_r = (enum compare)i;
			return true;
		}
	}
	return false;
}

static bool argument_parse(char kind, const char *word, union argument *argument_r)
{
	const char *end;

	switch (kind) {
	case 'n':
		return number_of(word, &argument_r->number);
	case 'd':
		return duration_read(word, 0, &argument_r->ns, &end) && *end == 0;
	case 'c':
		return compare_parse(word, &argument_r->compare);
	default:
		return snprintf(argument_r->word, SCRIPT_WORD_MAX, "%s", word) < SCRIPT_WORD_MAX;
	}
}

static void verb_parse(struct parse *p, const struct verb_row *row, struct line *line)
{
	bool optional = false;

	line->verb = row->verb;
	for (const char *kind = row->arguments; *kind != 0; kind++) {
		if (*kind == '?') {
			optional = true;
			continue;
		}
		if (p->words[p->at] == NULL && optional)
			break;
		if (p->words[p->at] == NULL ||
		    !argument_parse(*kind, p->words[p->at], &line->arguments[line->arguments_n])) {
			wrong(p, "it is `%s`", row->manual);
			return;
		}
		p->at++;
		line->arguments_n++;
	}
	if (p->words[p->at] != NULL)
		wrong(p, "`%s` is too much; it is `%s`", p->words[p->at], row->manual);
	else if (line->verb == V_REPEAT || line->verb == V_END)
		repeat_parse(p, line);
	else
		line_add(p, line);
}

static void text_parse(struct script *script, unsigned number, const char *text);

/* The handshake that nothing is to be said about: `established [active] [rtt TIME] OPTIONS`. */
static void established_parse(struct parse *p, const struct line *line)
{
	bool active = word_is(p, "active");
	char options[TEXT_MAX] = "", text[2 * TEXT_MAX];
	const char *rtt = "10ms";
	const char *const passive_lines[] = {"[%u] listen", "[%u] < S 0%s", "[%u] > SA 0 ack 1",
					     "+%s [%u] < A 1 ack 1", "[%u] opened"};
	const char *const active_lines[] = {"[%u] connect", "[%u] > S 0", "+%s [%u] < SA 0 ack 1%s",
					    "[%u] > A 1 ack 1", "[%u] opened"};

	while (p->words[p->at] != NULL) {
		size_t n = strlen(options);
		const char *word;

		if (word_is(p, "rtt")) {
			rtt = word_next(p);
			continue;
		}
		word = word_next(p);
		snprintf(options + n, sizeof(options) - n, " %s", word);
	}
	for (unsigned i = 0; i < 5 && rtt != NULL; i++) {
		if (active && i == 2)
			snprintf(text, sizeof(text), active_lines[i], rtt, line->peer + 1, options);
		else if (active)
			snprintf(text, sizeof(text), active_lines[i], line->peer + 1);
		else if (i == 3)
			snprintf(text, sizeof(text), passive_lines[i], rtt, line->peer + 1);
		else
			snprintf(text, sizeof(text), passive_lines[i], line->peer + 1, options);
		text_parse(p->script, p->number, text);
	}
}

static void statement_parse(struct parse *p, struct line *line)
{
	if (word_is(p, "established")) {
		established_parse(p, line);
		return;
	}
	if (word_is(p, "<")) {
		line->verb = V_IN;
		packet_parse(p, line);
		return;
	}
	if (word_is(p, ">")) {
		line->verb = V_OUT;
		packet_parse(p, line);
		return;
	}
	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (word_is(p, verbs[i].word)) {
			verb_parse(p, &verbs[i], line);
			return;
		}
	}
	wrong(p, "`%s` is no statement", p->words[p->at] != NULL ? p->words[p->at] : "");
}

static void text_parse(struct script *script, unsigned number, const char *text)
{
	struct parse p = {.script = script, .number = number};
	struct line line = {.number = number};
	char *saved = NULL, *word;
	unsigned n = 0;

	if (script->error[0] != 0)
		return;
	if (snprintf(p.text, sizeof(p.text), "%s", text) >= (int)sizeof(p.text))
		wrong(&p, "longer than %u bytes", TEXT_MAX - 1);
	p.text[strcspn(p.text, "#\n")] = 0;
	for (word = strtok_r(p.text, " \t\r", &saved); word != NULL && n < WORDS_MAX;
	     word = strtok_r(NULL, " \t\r", &saved))
		p.words[n++] = word;
	if (word != NULL)
		wrong(&p, "more than %u words", WORDS_MAX);
	if (n == 0 || p.failed)
		return;
	if (word_is(&p, "&"))
		line.with = true;
	else if (p.words[p.at][0] == '+')
		time_parse(&p, word_next(&p), &line);
	if (p.words[p.at] != NULL && p.words[p.at][0] == '[') {
		int64_t peer = 0;

		p.words[p.at][strcspn(p.words[p.at], "]")] = 0;
		if (!number_of(word_next(&p) + 1, &peer) || peer < 1 || peer > SCRIPT_PEERS)
			wrong(&p, "peers are [1] to [%u]", SCRIPT_PEERS);
		line.peer = (unsigned)(peer - 1);
	}
	if (!p.failed)
		statement_parse(&p, &line);
}

struct script *script_read(const char *path)
{
	FILE *file = fopen(path, "r");
	struct script *script;
	char text[4 * TEXT_MAX];
	unsigned number = 0;

	if (file == NULL)
		return NULL;
	script = calloc(1, sizeof(*script));
	while (script->error[0] == 0 && fgets(text, sizeof(text), file) != NULL)
		text_parse(script, ++number, text);
	fclose(file);
	if (script->error[0] == 0 && script->repeat_n != 0)
		snprintf(script->error, sizeof(script->error), "%u: repeat without end", number);
	if (script->error[0] == 0 && script->lines_n == 0)
		snprintf(script->error, sizeof(script->error), "1: nothing happens in it");
	return script;
}

void script_free(struct script **script)
{
	free((*script)->lines);
	free(*script);
	*script = NULL;
}
