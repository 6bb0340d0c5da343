"""Django's contrib applications: migrate, look, use, go back."""
import os, sys
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only for this run",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    SITE_ID=1,
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PGDATABASE"], "HOST": os.environ["PGHOST"], "PORT": os.environ["PGPORT"], "USER": os.environ["PGUSER"], "PASSWORD": os.environ["PGPASSWORD"],
        "OPTIONS": {"sslmode": os.environ["PGSSLMODE"], "sslrootcert": os.environ.get("PGSSLROOTCERT", "")},
    }},
    INSTALLED_APPS=["django.contrib." + app for app in ("admin", "auth", "contenttypes", "sessions", "messages", "sites", "flatpages", "redirects", "postgres")],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages"]}}],
)
django.setup()
from django.core.management import call_command
from django.contrib.auth.models import User, Group, Permission
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sites.models import Site
from django.db import connection, transaction, IntegrityError
from django.db.models import Count, F, Q

call_command("migrate", verbosity=0)
call_command("migrate", verbosity=0)
call_command("showmigrations")
call_command("inspectdb", stdout=open(os.devnull, "w"))
call_command("check", database=["default"])
user = User.objects.create_user("ada", "ada@example.org", "pass")
User.objects.bulk_create([User(username=f"u{i}") for i in range(20)])
group = Group.objects.create(name="editors")
group.permissions.add(*Permission.objects.filter(codename__startswith="add_")[:5])
user.groups.add(group)
print(user.has_perm("auth.add_group"), User.objects.filter(Q(username__icontains="u1") | Q(email__iexact="ADA@example.org")).count())
print(list(Group.objects.annotate(n=Count("permissions")).values_list("name", "n")))
User.objects.filter(username="u3").update(first_name=F("username"))
print(User.objects.select_for_update().filter(username="u3").exists() if False else User.objects.get(username="u3").first_name)
with transaction.atomic():
    print(User.objects.select_for_update().get(username="u4").username)
try:
    with transaction.atomic():
        User.objects.create(username="ada")
except IntegrityError as error:
    print("unique", "auth_user_username_key" in str(error))
store = SessionStore()
store["k"] = "v"
store.save()
print(SessionStore(store.session_key)["k"], Site.objects.get_current().domain)
for row in User.objects.order_by("pk").iterator(chunk_size=5):
    pass
with connection.cursor() as cursor:
    print(sorted(connection.introspection.table_names(cursor))[:3], len(connection.introspection.get_constraints(cursor, "auth_user")))
user.delete()
call_command("clearsessions")
call_command("flush", interactive=False, verbosity=0)
call_command("migrate", "flatpages", "zero", verbosity=0)
call_command("migrate", "auth", "0005", verbosity=0)
call_command("migrate", verbosity=0)
print(len(connection.introspection.table_names()))
