/* The module that Dovecot's auth process loads: a passdb and a userdb. */

#include "auth-common.h"
#include "module-dir.h"

#include "passdb-postern.h"
#include "userdb-postern.h"

void authdb_postern_init(struct module *module);
void authdb_postern_deinit(void);

extern const char *authdb_postern_version;
const char *authdb_postern_version = DOVECOT_ABI_VERSION;

void authdb_postern_init(struct module *module ATTR_UNUSED)
{
	passdb_register_module(&passdb_postern);
	userdb_register_module(&userdb_postern);
}

void authdb_postern_deinit(void)
{
	userdb_unregister_module(&userdb_postern);
	passdb_unregister_module(&passdb_postern);
}
