/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a change means for an account: the records of change.h as operations of draft.h. Replay is
 * nothing else, and the writer's road may be the same. Threads: the writer's.
 */
#ifndef WIREMAP_STORE_APPLY_H
#define WIREMAP_STORE_APPLY_H

#include "change.h"
#include "state.h"

/*
 * The root after an open change, held once; `root` stays as it is. 0; or -EINVAL: the change cannot
 * follow that root, -EIO: the checkpoint is damaged, -ENOTSUP: an annotation, which no root keeps
 * yet, -ENOMEM; then *fault_r says why. Whose change it is the caller compares.
 */
int state_apply(const struct state *root, const struct store_change *change, struct state **next_r,
		const char **fault_r);

#endif
