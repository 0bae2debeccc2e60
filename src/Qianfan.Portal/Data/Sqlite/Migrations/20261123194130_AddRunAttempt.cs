using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Qianfan.Portal.Data.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class AddRunAttempt : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<int>(
                name: "Attempt",
                table: "Runs",
                type: "INTEGER",
                nullable: false,
                defaultValue: 0);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "Attempt",
                table: "Runs");
        }
    }
}
