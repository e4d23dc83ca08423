"""What `django-admin makemigrations` writes for the model: no table, it is Viewflow's own."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """The first and only one."""

    initial = True
    dependencies = (("viewflow", "0015_task_scheduled"),)
    operations = (
        migrations.CreateModel(
            name="BancProcess",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("viewflow.process",),
        ),
    )
