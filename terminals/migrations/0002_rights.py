"""Who may do what with the terminals' tables."""

from django.db import migrations

RIGHTS = """
-- a terminal cannot stand in another merchant's store; a foreign key is first checked by the
-- owner, from whom forced row-level security hides the rows it names
alter table merchants_store no force row level security;
alter table terminals_terminal add constraint terminal_store_of_merchant
  foreign key (merchant_id, store_id) references merchants_store (merchant_id, id);
alter table terminals_codesheet add constraint code_sheet_store_of_merchant
  foreign key (merchant_id, store_id) references merchants_store (merchant_id, id);
alter table merchants_store force row level security;

-- the maker's list is ours, not a merchant's
grant select on terminals_registeredserial to pos_staff, pos_worker;
grant insert, update on terminals_registeredserial to pos_staff, pos_worker;

grant select, insert, update on terminals_registryimport, terminals_codesheet
  to pos_staff, pos_worker;

-- the number a terminal goes by in messages: 8 digits, never reused
create sequence terminals_terminal_no_seq minvalue 10000001 maxvalue 99999999 no cycle;

call pos_tenant_table('terminals_codesheet');
call pos_tenant_table('terminals_terminal');
-- the door must find the terminal that speaks before it knows whose it is
create policy door on terminals_terminal for select to pos_device using (true);
grant select on terminals_terminal to pos_merchant, pos_staff, pos_device, pos_worker;
grant insert, update on terminals_terminal to pos_staff, pos_worker;
grant update (status, activated_at) on terminals_terminal to pos_device;

grant select, insert, update on terminals_activationcode to pos_staff, pos_worker;
grant select on terminals_activationcode to pos_device;
grant update (tries, used_at, voided_at) on terminals_activationcode to pos_device;
grant select on terminals_devicekey to pos_staff, pos_device, pos_worker;
grant insert on terminals_devicekey to pos_device, pos_worker;
grant update (revoked_at) on terminals_devicekey to pos_staff, pos_device, pos_worker;

alter table terminals_liveness set (fillfactor = 50, autovacuum_vacuum_cost_delay = 0);
call pos_tenant_table('terminals_liveness');
grant select on terminals_liveness to pos_merchant, pos_staff;
grant select, insert, update on terminals_liveness to pos_device, pos_worker;
grant insert on terminals_liveness to pos_staff;

call pos_tenant_table('terminals_linkevent');
grant select on terminals_linkevent to pos_merchant, pos_staff;
grant select, insert on terminals_linkevent to pos_device, pos_worker;
call pos_append_only('terminals_linkevent');

insert into terminals_ingestwatermark (resumed_at) values (now());
grant select, update on terminals_ingestwatermark to pos_device, pos_worker;
grant insert on terminals_ingestwatermark to pos_worker;
grant select on terminals_ingestwatermark to pos_staff;

call pos_tenant_table('terminals_signin');
grant select on terminals_signin to pos_merchant, pos_staff;
grant select, insert on terminals_signin to pos_device, pos_worker;
grant update (signed_out_at) on terminals_signin to pos_device, pos_worker;

call pos_watch_rows('terminals_terminal');
call pos_watch_rows('terminals_devicekey');
call pos_watch_rows('terminals_activationcode', '{code_hash}');
"""

UNDO = """
call pos_withdraw_rights('terminals');
alter table terminals_liveness reset (fillfactor, autovacuum_vacuum_cost_delay);
truncate terminals_ingestwatermark;
drop sequence terminals_terminal_no_seq;
alter table terminals_codesheet drop constraint code_sheet_store_of_merchant;
alter table terminals_terminal drop constraint terminal_store_of_merchant;
"""


class Migration(migrations.Migration):
    dependencies = [("terminals", "0001_tables"), ("merchants", "0002_rights")]
    operations = [migrations.RunSQL(RIGHTS, UNDO)]
