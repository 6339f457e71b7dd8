#ifndef DOVEADM_POSTERN_PASSWORD_H
#define DOVEADM_POSTERN_PASSWORD_H

#include "decisions/app-password-change.h"
#include "keys/app-password.h"
#include "doveadm-postern.h"

/* What commands share that make app passwords. */

/* Reads --label, --protocols and --expires; the digest is NULL. FALSE with *error_r. */
bool postern_read_terms(const struct postern_run *run, struct app_password_terms *terms_r,
			const char **error_r);

/* A new app password, for the caller to wipe. FALSE when that failed: the row has then been
 * printed. */
bool postern_generate(struct postern_run *run, const struct account_name *account,
		      char password_r[APP_PASSWORD_SIZE]);

/* Its digest under the current key. FALSE likewise. */
bool postern_digest(struct postern_run *run, const struct account_name *account,
		    const char *password, char digest_r[APP_PASSWORD_DIGEST_SIZE]);

#define POSTERN_PASSWORD_TERMS                                                                     \
	POSTERN_OPTION("label"), POSTERN_OPTION("protocols"), POSTERN_OPTION("expires")

#endif
