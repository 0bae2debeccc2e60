using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Qianfan.Portal.Data.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class AddProgramRuns : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropIndex(
                name: "IX_Runs_ConnectionId",
                table: "Runs");

            migrationBuilder.AddColumn<string>(
                name: "StartedByKey",
                table: "Runs",
                type: "TEXT",
                maxLength: 80,
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "TaskId",
                table: "Runs",
                type: "TEXT",
                maxLength: 40,
                nullable: true);

            migrationBuilder.CreateTable(
                name: "ProgramTasks",
                columns: table => new
                {
                    ConnectionId = table.Column<Guid>(type: "TEXT", nullable: false),
                    TaskId = table.Column<string>(type: "TEXT", maxLength: 40, nullable: false),
                    KeyName = table.Column<string>(type: "TEXT", maxLength: 80, nullable: false),
                    AnnouncedAt = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_ProgramTasks", x => new { x.ConnectionId, x.TaskId });
                    table.ForeignKey(
                        name: "FK_ProgramTasks_Connections_ConnectionId",
                        column: x => x.ConnectionId,
                        principalTable: "Connections",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Runs_ConnectionId_TaskId",
                table: "Runs",
                columns: new[] { "ConnectionId", "TaskId" },
                unique: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "ProgramTasks");

            migrationBuilder.DropIndex(
                name: "IX_Runs_ConnectionId_TaskId",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "StartedByKey",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "TaskId",
                table: "Runs");

            migrationBuilder.CreateIndex(
                name: "IX_Runs_ConnectionId",
                table: "Runs",
                column: "ConnectionId");
        }
    }
}
