/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that the command table names, by the file they are in. Private to
 * imap/session; engine.h says what begin, row, step and line do.
 */
#ifndef WIREMAP_SESSION_COMMANDS_H
#define WIREMAP_SESSION_COMMANDS_H

#include "engine.h"

/* RFC 3501 6.1.1 */
const char *cmd_capability_begin(struct session *session, struct wire_cursor *cursor);
enum row cmd_capability_row(struct session *session, struct wire_text *text);
/* 6.1.2 */
const char *cmd_noop_begin(struct session *session, struct wire_cursor *cursor);
/* 6.4.1 */
const char *cmd_check_begin(struct session *session, struct wire_cursor *cursor);
/* 6.1.3 */
const char *cmd_logout_begin(struct session *session, struct wire_cursor *cursor);
enum row cmd_logout_row(struct session *session, struct wire_text *text);
/* RFC 2971 */
const char *cmd_id_begin(struct session *session, struct wire_cursor *cursor);
enum row cmd_id_row(struct session *session, struct wire_text *text);
/* 6.2.3 */
const char *cmd_login_begin(struct session *session, struct wire_cursor *cursor);
/* 6.2.2, RFC 4616, RFC 4959 */
const char *cmd_authenticate_begin(struct session *session, struct wire_cursor *cursor);
void cmd_authenticate_line(struct session *session, struct span line);
enum step login_step(struct session *session, struct stream_out *out,
		     const struct stream_budget *budget);
/* RFC 5161 */
const char *cmd_enable_begin(struct session *session, struct wire_cursor *cursor);
enum row cmd_enable_row(struct session *session, struct wire_text *text);
/* RFC 2342 */
const char *cmd_namespace_begin(struct session *session, struct wire_cursor *cursor);
enum row cmd_namespace_row(struct session *session, struct wire_text *text);
/* and EXAMINE, 6.3.1, 6.3.2 */
const char *cmd_select_begin(struct session *session, struct wire_cursor *cursor);
enum row cmd_select_row(struct session *session, struct wire_text *text);
enum row cmd_examine_row(struct session *session, struct wire_text *text);
/* 6.4.2 */
const char *cmd_close_begin(struct session *session, struct wire_cursor *cursor);
/* RFC 3691 */
const char *cmd_unselect_begin(struct session *session, struct wire_cursor *cursor);
/* and LSUB, 6.3.8, 6.3.9, RFC 5258, RFC 5819, RFC 6154 */
const char *cmd_list_begin(struct session *session, struct wire_cursor *cursor);

enum row cmd_list_row(struct session *session, struct wire_text *text);
/* 6.3.10, RFC 8438 */
const char *cmd_status_begin(struct session *session, struct wire_cursor *cursor);
enum row cmd_status_row(struct session *session, struct wire_text *text);
/* RFC 2177 */
const char *cmd_idle_begin(struct session *session, struct wire_cursor *cursor);
void cmd_idle_line(struct session *session, struct span line);
/* 6.4.5, 6.4.8, RFC 3516 */
const char *cmd_fetch_begin(struct session *session, struct wire_cursor *cursor);
enum step cmd_fetch_step(struct session *session, struct stream_out *out,
			 const struct stream_budget *budget);
/* 6.4.4 */
const char *cmd_search_begin(struct session *session, struct wire_cursor *cursor);
enum row cmd_search_row(struct session *session, struct wire_text *text);

/* What changes mail (cmd_change.c). */
const char *cmd_append_begin(struct session *session, struct wire_cursor *cursor);
const char *cmd_store_begin(struct session *session, struct wire_cursor *cursor);
/* and MOVE, RFC 6851 */
const char *cmd_copy_begin(struct session *session, struct wire_cursor *cursor);
const char *cmd_expunge_begin(struct session *session, struct wire_cursor *cursor);
/* RFC 4315 */
const char *cmd_uid_expunge_begin(struct session *session, struct wire_cursor *cursor);
const char *cmd_create_begin(struct session *session, struct wire_cursor *cursor);
/* DELETE, SUBSCRIBE, UNSUBSCRIBE */
const char *cmd_mailbox_begin(struct session *session, struct wire_cursor *cursor);
const char *cmd_rename_begin(struct session *session, struct wire_cursor *cursor);

#endif
