/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header field names that the program knows, each with a number below 64, so that a set of them
 * is one bit mask. The numbers are in the blobs on disk: they may be added to, never changed,
 * without a new MIME_PREP_VERSION. Pure functions, any thread.
 */
#ifndef WIREMAP_MIME_NAME_H
#define WIREMAP_MIME_NAME_H

#include "span.h"

/*
 * 1 to NAME_HOT_LAST are what nearly every client asks for when it lists a folder; up to
 * NAME_COPIED_LAST what some ask for. Lines of these are copied into the blob. The others are
 * known so that asking for them, or for all but them, compares no strings.
 */
enum name_id {
	NAME_UNKNOWN = 0,
	NAME_DATE,
	NAME_FROM,
	NAME_TO,
	NAME_CC,
	NAME_SUBJECT,
	NAME_MESSAGE_ID,
	NAME_REFERENCES,
	NAME_IN_REPLY_TO,
	NAME_REPLY_TO,
	NAME_CONTENT_TYPE,
	NAME_HOT_LAST = NAME_CONTENT_TYPE,

	NAME_BCC,
	NAME_SENDER,
	NAME_MIME_VERSION,
	NAME_CONTENT_TRANSFER_ENCODING,
	NAME_LIST_ID,
	NAME_LIST_UNSUBSCRIBE,
	NAME_LIST_POST,
	NAME_PRIORITY,
	NAME_X_PRIORITY,
	NAME_IMPORTANCE,
	NAME_NEWSGROUPS,
	NAME_RETURN_PATH,
	NAME_DELIVERED_TO,
	NAME_X_MAILER,
	NAME_USER_AGENT,
	NAME_DISPOSITION_NOTIFICATION_TO,
	NAME_AUTO_SUBMITTED,
	NAME_PRECEDENCE,
	NAME_COPIED_LAST = NAME_PRECEDENCE,

	NAME_RECEIVED,
	NAME_DKIM_SIGNATURE,
	NAME_ARC_SEAL,
	NAME_ARC_MESSAGE_SIGNATURE,
	NAME_ARC_AUTHENTICATION_RESULTS,
	NAME_AUTHENTICATION_RESULTS,
	NAME_RECEIVED_SPF,
	NAME_DOMAINKEY_SIGNATURE,
	NAME_X_ORIGINAL_TO,
	NAME_ENVELOPE_TO,
	NAME_ERRORS_TO,
	NAME_RESENT_DATE,
	NAME_RESENT_FROM,
	NAME_RESENT_TO,
	NAME_RESENT_MESSAGE_ID,
	NAME_LIST_SUBSCRIBE,
	NAME_LIST_HELP,
	NAME_LIST_ARCHIVE,
	NAME_LIST_OWNER,
	NAME_LIST_UNSUBSCRIBE_POST,
	NAME_FEEDBACK_ID,
	NAME_ORGANIZATION,
	NAME_THREAD_TOPIC,
	NAME_THREAD_INDEX,
	NAME_CONTENT_DISPOSITION,
	NAME_CONTENT_ID,
	NAME_CONTENT_DESCRIPTION,
	NAME_CONTENT_LANGUAGE,
	NAME_X_SPAM_STATUS,
	NAME_X_SPAM_FLAG,
	NAME_X_SPAM_LEVEL,
	NAME_IDS
};

/* The number of a name, in any case; NAME_UNKNOWN for others. */
enum name_id name_find(struct span name);

/* One of 64 numbers that names of the same letters share, for telling most others apart. */
unsigned name_bucket(struct span name);

#endif
