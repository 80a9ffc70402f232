/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "check.h"

/* What LIST selects and returns (RFC 5258 section 3). */
enum list_option {
	LIST_SUBSCRIBED = 1 << 0, /* selects what is subscribed, existing or not */
	LIST_SPECIAL = 1 << 1,	  /* selects what has a special use (RFC 6154) */
	LIST_REMOTE = 1 << 2,	  /* nothing is remote here */
	LIST_RECURSIVE = 1 << 3,  /* names the parents of what is selected below the pattern */
	LIST_RETURN_SUBSCRIBED = 1 << 4,
	LIST_RETURN_STATUS = 1 << 5,
	LIST_RETURN_ALWAYS = 1 << 6, /* CHILDREN and SPECIAL-USE: returned, asked for or not */
	LIST_LSUB = 1 << 7,
};

enum list_limits {
	LIST_PATTERNS_MAX = 16,
	/* Rows of one mailbox: each of its parents, then itself. */
	LIST_ROWS = STORE_DEPTH_MAX + 1,
	LIST_ROW_SELF = LIST_ROWS - 1,
};
static_assert((uint64_t)STORE_MAILBOXES_MAX * LIST_ROWS < UINT32_MAX, "a row is 32 bits");

struct list {
	uint32_t options; /* enum list_option */
	uint32_t status_items;
	bool asks_separator; /* LIST "" "": only the separator is asked for */
	unsigned patterns_n;
	const struct wire_pattern *patterns[LIST_PATTERNS_MAX];
};

static const char answer_options[] = "BAD An option of LIST is unknown or does not fit the others";

/* --- Reading the arguments --- */

static uint32_t option_find(struct span name, bool is_return)
{
	static const struct {
		const char *name;
		uint32_t select, return_;
	} options[] = {
		{"SUBSCRIBED", LIST_SUBSCRIBED, LIST_RETURN_SUBSCRIBED},
		{"REMOTE", LIST_REMOTE, 0},
		{"RECURSIVEMATCH", LIST_RECURSIVE, 0},
		{"SPECIAL-USE", LIST_SPECIAL, LIST_RETURN_ALWAYS},
		{"CHILDREN", 0, LIST_RETURN_ALWAYS},
		{"STATUS", 0, LIST_RETURN_STATUS},
	};

	for (unsigned k = 0; k < sizeof(options) / sizeof(options[0]); k++)
		if (span_eq_fold(name, span_of(options[k].name)))
			return is_return ? options[k].return_ : options[k].select;
	return 0;
}

/* "(" [option *(SP option)] ")" */
static const char *options_take(struct list *list, struct wire_cursor *cursor, bool is_return)
{
	if (wire_char(cursor, '(') < 0)
		return answer_arguments;
	if (wire_char(cursor, ')') > 0)
		return NULL;
	do {
		struct span name;
		uint32_t option;

		if (wire_atom(cursor, &name) < 0)
			return answer_arguments;
		option = option_find(name, is_return);
		if (option == 0)
			return answer_options;
		list->options |= option;
		if (option == LIST_RETURN_STATUS &&
		    (wire_space(cursor) < 0 || status_items_take(cursor, &list->status_items) != 0))
			return answer_arguments;
	} while (wire_space(cursor) > 0);
	return wire_char(cursor, ')') < 0 ? answer_arguments : NULL;
}

/* One pattern, behind the reference that is its beginning. */
static const char *pattern_add(struct session *session, struct list *list, struct arena *arena,
			       const struct wire_string *reference,
			       const struct wire_string *mailbox)
{
	struct session_engine *engine = session->engine;
	size_t half = sizeof(engine->temp) / 2, bytes;
	int reference_len = mailbox_decode(reference, engine->row, half);
	int mailbox_len = mailbox_decode(mailbox, engine->temp, sizeof(engine->temp));
	struct span pattern;
	void *memory;

	if (list->patterns_n == LIST_PATTERNS_MAX)
		return "NO [LIMIT] Too many patterns in one LIST";
	/* What no name can be spelled like matches none. */
	if (reference_len < 0 || mailbox_len < 0)
		return NULL;
	memcpy(engine->row + reference_len, engine->temp, (size_t)mailbox_len);
	pattern = (struct span){engine->row, (size_t)(reference_len + mailbox_len)};
	bytes = wire_pattern_bytes(pattern);
	if (bytes == 0)
		return NULL;
	memory = arena_take(arena, bytes);
	if (memory == NULL)
		return answer_block_full;
	list->patterns[list->patterns_n++] = wire_pattern_compile(memory, pattern, STORE_SEPARATOR);
	return NULL;
}

/* mailbox or patterns (RFC 5258 section 6). */
static const char *patterns_take(struct session *session, struct list *list,
				 struct wire_cursor *cursor, struct arena *arena,
				 const struct wire_string *reference)
{
	bool many = (list->options & LIST_LSUB) == 0 && wire_char(cursor, '(') > 0;
	struct wire_string mailbox;
	const char *answer;

	do {
		if (wire_list_mailbox(cursor, &mailbox) < 0)
			return answer_arguments;
		list->asks_separator |= !many && mailbox.raw.len == 0;
		answer = pattern_add(session, list, arena, reference, &mailbox);
		if (answer != NULL)
			return answer;
	} while (many && wire_space(cursor) > 0);
	return many && wire_char(cursor, ')') < 0 ? answer_arguments : NULL;
}

static const char *list_read(struct session *session, struct wire_cursor *cursor,
			     struct arena *arena)
{
	struct list *list = arena_take(arena, sizeof(*list));
	bool lsub = span_eq(span_of(session->command->name), span_of("LSUB"));
	struct wire_string reference;
	const char *answer = NULL;
	struct span word;

	ASSERT(list != NULL);
	*list = (struct list){.options = lsub ? LIST_LSUB | LIST_SUBSCRIBED : 0};
	if (wire_space(cursor) < 0)
		return answer_arguments;
	if (!lsub && wire_at(cursor, '(')) {
		answer = options_take(list, cursor, false);
		if (answer == NULL && wire_space(cursor) < 0)
			answer = answer_arguments;
	}
	if (answer != NULL)
		return answer;
	if (wire_astring(cursor, &reference) < 0 || wire_space(cursor) < 0)
		return answer_arguments;
	answer = patterns_take(session, list, cursor, arena, &reference);
	if (answer == NULL && !lsub && wire_space(cursor) > 0) {
		if (wire_atom(cursor, &word) < 0 || !span_eq_fold(word, span_of("RETURN")) ||
		    wire_space(cursor) < 0)
			return answer_arguments;
		answer = options_take(list, cursor, true);
	}
	if (answer == NULL && wire_end(cursor) < 0)
		return answer_arguments;
	/* It only makes sense on top of another selection (RFC 5258 section 3.1). */
	if (answer == NULL && (list->options & LIST_RECURSIVE) != 0 &&
	    (list->options & LIST_SUBSCRIBED) == 0)
		return answer_options;
	return answer;
}

const char *cmd_list_begin(struct session *session, struct wire_cursor *cursor)
{
	return session_job_read(session, cursor, list_read);
}

/* --- Relations of names: all inferiors of a mailbox follow it (store.h) --- */

static bool is_below(struct span name, struct span parent)
{
	return name.len > parent.len && name.ptr[parent.len] == STORE_SEPARATOR &&
	       span_eq(span_cut(name, 0, parent.len), parent);
}

static bool matches(const struct list *list, struct span name)
{
	struct span head = span_cut(name, 0, 5);
	bool inbox = span_eq(head, span_of("INBOX")) &&
		     (name.len == 5 || name.ptr[5] == STORE_SEPARATOR);

	for (unsigned k = 0; k < list->patterns_n; k++)
		if (wire_pattern_match(list->patterns[k], name, inbox ? 5 : 0))
			return true;
	return false;
}

static bool has_children(const struct store_account *account, unsigned number, struct span name)
{
	struct store_mailbox_info info;

	while (++number < store_mailbox_count(account)) {
		store_mailbox_info(account, number, &info);
		if (!is_below(info.name, name))
			return false;
		if ((info.attributes & STORE_NONEXISTENT) == 0)
			return true;
	}
	return false;
}

/* Whether below `name`, from mailbox `from` on in steps of `step`, something is subscribed that
 * the client does not see by itself. */
static bool has_hidden(const struct store_account *account, const struct list *list,
		       struct span name, unsigned from, int step)
{
	struct store_mailbox_info info;

	for (unsigned k = from; k < store_mailbox_count(account); k += (unsigned)step) {
		store_mailbox_info(account, k, &info);
		if (!is_below(info.name, name))
			return false;
		if ((info.attributes & STORE_SUBSCRIBED) != 0 && !matches(list, info.name))
			return true;
	}
	return false;
}

/* --- Rows --- */

static void attribute_put(struct wire_text *text, const char **separator, const char *attribute)
{
	wire_text_str(text, *separator);
	wire_text_str(text, attribute);
	*separator = " ";
}

static void attributes_put(struct wire_text *text, const struct list *list, uint32_t attributes,
			   bool children)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} uses[] = {
		{STORE_USE_ALL, "\\All"},	{STORE_USE_ARCHIVE, "\\Archive"},
		{STORE_USE_DRAFTS, "\\Drafts"}, {STORE_USE_FLAGGED, "\\Flagged"},
		{STORE_USE_JUNK, "\\Junk"},	{STORE_USE_SENT, "\\Sent"},
		{STORE_USE_TRASH, "\\Trash"},
	};
	const char *separator = "";

	if ((attributes & STORE_NONEXISTENT) != 0)
		attribute_put(text, &separator, "\\NonExistent");
	else if ((attributes & STORE_NOSELECT) != 0)
		attribute_put(text, &separator, "\\Noselect");
	attribute_put(text, &separator, children ? "\\HasChildren" : "\\HasNoChildren");
	if ((list->options & (LIST_SUBSCRIBED | LIST_RETURN_SUBSCRIBED)) != 0 &&
	    (attributes & STORE_SUBSCRIBED) != 0)
		attribute_put(text, &separator, "\\Subscribed");
	for (unsigned k = 0; k < sizeof(uses) / sizeof(uses[0]); k++)
		if ((attributes & uses[k].bit) != 0)
			attribute_put(text, &separator, uses[k].name);
}

static void row_put(struct session *session, struct wire_text *text, const struct list *list,
		    const struct store_mailbox_info *info, bool children, bool child_info)
{
	bool lsub = (list->options & LIST_LSUB) != 0;

	wire_text_str(text, lsub ? "* LSUB (" : "* LIST (");
	if (!lsub)
		attributes_put(text, list, info->attributes, children);
	else if ((info->attributes & STORE_SUBSCRIBED) == 0)
		wire_text_str(text, "\\Noselect");
	wire_text_str(text, ") \"/\" ");
	mailbox_put(session, text, info->name);
	wire_text_str(text, child_info ? " (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n" : "\r\n");
	if ((list->options & LIST_RETURN_STATUS) != 0 &&
	    (info->attributes & (STORE_NOSELECT | STORE_NONEXISTENT)) == 0)
		status_put(session, text, info, list->status_items);
}

static bool selects(const struct list *list, uint32_t attributes)
{
	const uint32_t uses = STORE_USE_ALL | STORE_USE_ARCHIVE | STORE_USE_DRAFTS |
			      STORE_USE_FLAGGED | STORE_USE_JUNK | STORE_USE_SENT | STORE_USE_TRASH;

	if ((list->options & LIST_SPECIAL) != 0 && (attributes & uses) == 0)
		return false;
	return (list->options & LIST_SUBSCRIBED) != 0 ? (attributes & STORE_SUBSCRIBED) != 0
						      : (attributes & STORE_NONEXISTENT) == 0;
}

static void self_put(struct session *session, struct wire_text *text, const struct list *list,
		     unsigned number, const struct store_mailbox_info *info)
{
	bool child_info;

	if (!selects(list, info->attributes) || !matches(list, info->name))
		return;
	child_info = (list->options & LIST_RECURSIVE) != 0 &&
		     has_hidden(session->account, list, info->name, number + 1, 1);
	row_put(session, text, list, info, has_children(session->account, number, info->name),
		child_info);
}

/*
 * The parent of a subscribed mailbox stands for it where the pattern shows the parent but not the
 * mailbox (RFC 3501 6.3.9 for LSUB with %, RFC 5258 section 3.5 for RECURSIVEMATCH). It is named
 * by the first such mailbox below it.
 */
static void parent_put(struct session *session, struct wire_text *text, const struct list *list,
		       unsigned number, struct span name, struct span parent)
{
	const struct store_account *account = session->account;
	struct store_mailbox_info info = {.name = parent, .attributes = STORE_NONEXISTENT};
	int known;

	if (!matches(list, parent) || matches(list, name) ||
	    (number > 0 && has_hidden(account, list, parent, number - 1, -1)))
		return;
	known = store_mailbox_find(account, parent);
	if (known >= 0)
		store_mailbox_info(account, (unsigned)known, &info);
	if ((info.attributes & STORE_SUBSCRIBED) == 0)
		row_put(session, text, list, &info, true, (list->options & LIST_RECURSIVE) != 0);
}

/* The first `levels` levels of a name; the whole name when it has no more. */
static struct span levels_cut(struct span name, unsigned levels)
{
	for (size_t at = 0; at < name.len; at++)
		if (name.ptr[at] == STORE_SEPARATOR && --levels == 0)
			return span_cut(name, 0, at);
	return name;
}

enum row cmd_list_row(struct session *session, struct wire_text *text)
{
	const struct list *list = session->job;
	unsigned number = session->row / LIST_ROWS, level = session->row % LIST_ROWS;
	struct store_mailbox_info info;
	struct span parent;

	if (list->asks_separator && session->row == 0) {
		wire_text_str(text, (list->options & LIST_LSUB) != 0
					    ? "* LSUB (\\Noselect) \"/\" \"\"\r\n"
					    : "* LIST (\\Noselect) \"/\" \"\"\r\n");
		return ROW_TEXT;
	}
	if (list->asks_separator || number >= store_mailbox_count(session->account)) {
		session->answer = "OK Mailboxes listed";
		return ROW_END;
	}
	store_mailbox_info(session->account, number, &info);
	if (level == LIST_ROW_SELF) {
		self_put(session, text, list, number, &info);
		return ROW_TEXT;
	}
	session->row_next = number * LIST_ROWS + LIST_ROW_SELF;
	if ((list->options & (LIST_LSUB | LIST_RECURSIVE)) == 0 ||
	    (info.attributes & STORE_SUBSCRIBED) == 0)
		return ROW_TEXT;
	parent = levels_cut(info.name, level + 1);
	if (parent.len < info.name.len) {
		session->row_next = session->row + 1;
		parent_put(session, text, list, number, info.name, parent);
	}
	return ROW_TEXT;
}
