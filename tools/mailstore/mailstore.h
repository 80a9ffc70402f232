/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What joins store and mime in a program: the store's preparer is mime's builder. Neither folder
 * knows the other. Header-only, any thread.
 */
#ifndef WIREMAP_MAILSTORE_H
#define WIREMAP_MAILSTORE_H

#include "mime.h"
#include "store.h"

static inline void *mailstore_preparer_create(void)
{
	return mime_builder_create();
}

static inline void mailstore_preparer_destroy(void **preparer)
{
	struct mime_builder *builder = *preparer;

	mime_builder_destroy(&builder);
	*preparer = NULL;
}

static inline int mailstore_prepare(void *preparer, struct span message, struct span *derived_r)
{
	return mime_prepare(preparer, message, derived_r);
}

/* For store_open(). `volumes` and `log` (which may be NULL) must outlive that call and the store.
 */
static inline struct store_config mailstore_config(const char *const *volumes, unsigned volumes_n,
						   struct log *log)
{
	return (struct store_config){
		.volumes = volumes,
		.volumes_n = volumes_n,
		.log = log,
		.prepare_version = MIME_PREP_VERSION,
		.preparer_create = mailstore_preparer_create,
		.preparer_destroy = mailstore_preparer_destroy,
		.prepare = mailstore_prepare,
	};
}

#endif
