"""Who may do what with the merchants' tables."""

from django.db import migrations

RIGHTS = """
call pos_tenant_table('merchants_merchant', 'id');
call pos_tenant_table('merchants_store');
call pos_tenant_table('merchants_membership');
call pos_tenant_table('merchants_terminaloperator');
grant select on merchants_merchant, merchants_store
  to pos_gate, pos_merchant, pos_staff, pos_device, pos_worker;
grant insert, update on merchants_merchant, merchants_store to pos_staff, pos_worker;
grant select on merchants_membership to pos_gate, pos_merchant, pos_staff, pos_worker;
grant insert, update on merchants_membership to pos_staff, pos_worker;
-- password hashes of terminal operators: read by the door, never by a page
grant select (id, merchant_id, number, name, locked_until, created_at)
  on merchants_terminaloperator to pos_merchant, pos_staff;
grant select on merchants_terminaloperator to pos_device, pos_worker;
grant update (failures, locked_until) on merchants_terminaloperator to pos_device;
grant insert, update on merchants_terminaloperator to pos_worker;
call pos_watch_rows('merchants_merchant');
call pos_watch_rows('merchants_store');
call pos_watch_rows('merchants_membership');
"""

UNDO = "call pos_withdraw_rights('merchants')"


class Migration(migrations.Migration):
    dependencies = [("merchants", "0001_tables"), ("portal", "0003_rights")]
    operations = [migrations.RunSQL(RIGHTS, UNDO)]
